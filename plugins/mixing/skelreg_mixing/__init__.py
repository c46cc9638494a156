"""Mixing of skeleton sequences for skelreg; this module holds the hooks only."""

from __future__ import annotations

from skelreg.hookspecs import hookimpl

SKELREG_PLUGIN_API = 1


@hookimpl
def skelreg_component_modules() -> list[str]:
    return ['skelreg_mixing.mixup', 'skelreg_mixing.regions']


@hookimpl
def skelreg_examples() -> dict[str, dict[str, object]]:
    # Sequences that are alike stay alike, however they are mixed.
    names = ('SkeletonMixup', 'PartCutMix', 'TimeCutMix', 'ResizeMix')
    return {name: dict(own_draw=False) for name in names}
