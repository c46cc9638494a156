"""The package's imports, read from the source: they point downwards, and registering waits for building."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import skelreg

ROOT = Path(skelreg.__file__).parent
LAYERS = (
    {'errors', 'hookspecs', 'provenance'},
    {'structures', 'registry', 'cli', 'durable', 'plain_yaml'},
    {'graphs'},
    {'functional'},
    {'augmentations', 'backbones', 'compat', 'datasets', 'heads', 'necks', 'plugin_manager', 'regularizers'},
    {'learner', 'engine'},
    {'testing', 'explain', 'fit', 'parts', 'report', 'scaffold'},
    {'runner'},
    {'tasks', 'sweep', 'doctor'},
    {'bench', 'feature_plot', 'inference'},
)
RANK = {unit: rank for rank, units in enumerate(LAYERS) for unit in units}


def unit_of(path: Path) -> str:
    return path.relative_to(ROOT).parts[0].removesuffix('.py')


def imported_units(path: Path) -> set[str]:
    """First-level modules of skelreg that a file imports, wherever the import statement stands."""
    package = ('skelreg', *path.relative_to(ROOT).parent.parts)
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            module = '.'.join((*base, *([node.module] if node.module else [])))
            names |= {f'{module}.{alias.name}' for alias in node.names}
    return {name.split('.')[1] for name in names if name.startswith('skelreg.')} - {'__version__'}


def test_every_unit_has_its_layer() -> None:
    assert {unit_of(path) for path in FILES} - set(RANK) == set()


FILES = sorted(path for path in ROOT.rglob('*.py') if path != ROOT / '__init__.py')


@pytest.mark.parametrize('path', FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_file_imports_only_its_own_unit_and_layers_below(path: Path) -> None:
    unit = unit_of(path)
    others = imported_units(path) - {unit}
    below = {other for other, rank in RANK.items() if rank < RANK[unit]}
    assert others - below == set()


@pytest.mark.parametrize(
    ('source', 'expected'),
    [
        ('from ..functional.augment import blur', {'functional'}),
        ('from .. import registry', {'registry'}),
        ('from .base import Head', {'heads'}),
        ('def f():\n    import skelreg.runner', {'runner'}),
        ('from torch import nn', set()),
    ],
)
def test_the_reading_of_imports_sees_every_form(
    source: str, expected: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Path, 'read_text', lambda self: source)
    assert imported_units(ROOT / 'heads' / 'some_head.py') == expected


def test_importing_skelreg_registers_nothing() -> None:
    packages = sorted(f'skelreg.{path.parent.name}' for path in ROOT.glob('*/__init__.py'))
    script = (
        'import importlib, sys\n'
        'import skelreg\n'
        "assert 'torch' not in sys.modules, 'importing skelreg imports torch'\n"
        f'for name in {packages}: importlib.import_module(name)\n'
        'from skelreg.registry import ALL\n'
        'print({kind: list(r.module_dict) for kind, r in ALL.items() if r.module_dict})'
    )
    run = subprocess.run([sys.executable, '-c', script], capture_output=True, text=True, check=False)
    assert (run.returncode, run.stdout.strip()) == (0, '{}'), run.stderr
