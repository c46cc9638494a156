"""Masked motion prediction for skelreg; this module holds the hooks only."""

from __future__ import annotations

from skelreg.hookspecs import hookimpl

SKELREG_PLUGIN_API = 1


@hookimpl
def skelreg_component_modules() -> list[str]:
    return ['skelreg_masked_motion.mask', 'skelreg_masked_motion.prediction']


@hookimpl
def skelreg_examples() -> dict[str, dict[str, object]]:
    cfg = dict(mask=dict(type='JointMask', ratio=0.5), frames_per_cell=2)
    return {'MaskedMotionPrediction': dict(cfg=cfg)}
