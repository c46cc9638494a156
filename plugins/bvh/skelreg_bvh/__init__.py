"""A reader of BVH motion capture for skelreg; this module holds the hooks only."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from skelreg.datasets.cards import load_card
from skelreg.hookspecs import hookimpl

SKELREG_PLUGIN_API = 1
EXAMPLE = Path(__file__).with_name('example')


@hookimpl
def skelreg_component_modules() -> list[str]:
    return ['skelreg_bvh.reader']


@hookimpl
def skelreg_examples() -> dict[str, dict[str, Any]]:
    return {'BVHReader': dict(path=EXAMPLE, dataset=load_card(EXAMPLE / 'waving.card.yaml'))}
