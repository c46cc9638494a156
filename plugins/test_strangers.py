"""The worked plugins are strangers to skelreg: they use what the guide calls public, and no more."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

HERE = Path(__file__).parent
GUIDE = (HERE / 'README.md').read_text()
SOURCES = [path for path in sorted(HERE.glob('*/**/*.py')) if 'configs' not in path.parts]


def public() -> tuple[set[str], set[str]]:
    """Modules that the guide calls public: for all, and for tests."""
    table = {name.rpartition('.')[0] for name in re.findall(r'`(skelreg\.[\w.]+\.base\.\w+)`', GUIDE)}
    sentence = GUIDE[GUIDE.index('**Public**') : GUIDE.index('Names that begin')]
    everyone, _, tests = sentence.partition('in tests')
    own = table | set(re.findall(r'`(skelreg[\w.]*)`', everyone))
    return own, own | set(re.findall(r'`(skelreg[\w.]*)`', tests))


def imports(source: str) -> Iterator[tuple[str, list[str]]]:
    """(module of skelreg, names taken from it) of every import, wherever it stands."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from ((alias.name, []) for alias in node.names if is_core(alias.name))
        elif isinstance(node, ast.ImportFrom) and not node.level and is_core(node.module or ''):
            yield node.module or '', [alias.name for alias in node.names]


def is_core(module: str) -> bool:
    return module.partition('.')[0] == 'skelreg'


def offences(source: str, accepted: set[str]) -> list[str]:
    found = []
    for module, names in imports(source):
        for full in [f'{module}.{name}' for name in names] or [module]:
            is_public = any(full == known or full.startswith(f'{known}.') for known in accepted)
            if not is_public or any(part.startswith('_') for part in full.split('.')):
                found.append(full)
    return found


def test_the_guide_names_what_is_public() -> None:
    own, tests = public()
    assert {'skelreg.registry', 'skelreg.backbones.base', 'skelreg.testing'} <= own
    assert tests - own == {'skelreg.runner', 'skelreg.tasks', 'skelreg.datasets.prepare'}


@pytest.mark.parametrize('path', SOURCES, ids=lambda path: str(path.relative_to(HERE)))
def test_plugin_uses_only_what_is_public(path: Path) -> None:
    own, tests = public()
    assert offences(path.read_text(), tests if 'tests' in path.parts else own) == []


@pytest.mark.parametrize(
    'source',
    ['from skelreg.learner.learner import Learner', 'import skelreg.runner', 'from skelreg.errors import _x'],
)
def test_what_is_not_public_is_seen(source: str) -> None:
    assert offences(source, public()[0])
