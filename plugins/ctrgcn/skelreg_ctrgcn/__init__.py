"""CTR-GCN for skelreg; this module holds the hooks only, so that discovering it costs nothing."""

from __future__ import annotations

from skelreg.hookspecs import hookimpl

SKELREG_PLUGIN_API = 1


@hookimpl
def skelreg_component_modules() -> list[str]:
    return ['skelreg_ctrgcn.backbone']


@hookimpl
def skelreg_examples() -> dict[str, dict[str, object]]:
    # With the authors' graph_scale a perturbed graph changes nothing that could be measured at the start.
    cfg = dict(hidden_channels=4, out_channels=8, reduction=4, graph_scale=1.0)
    return {'CTRGCN': dict(cfg=cfg, num_frames=(8, 5))}
