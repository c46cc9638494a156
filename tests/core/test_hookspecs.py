from __future__ import annotations

import inspect
from pathlib import Path

import pytest

from skelreg import hookspecs

HOOKS = [name for name in vars(hookspecs) if name.startswith('skelreg_')]
GUIDE = Path(__file__).parents[2] / 'plugins' / 'README.md'


@pytest.mark.parametrize('hook', HOOKS)
def test_hook_is_explained_where_it_is_specified(hook: str) -> None:
    assert inspect.getdoc(getattr(hookspecs, hook))


@pytest.mark.parametrize('hook', HOOKS)
def test_hook_has_its_section_in_the_guide_and_its_test(hook: str) -> None:
    assert hook in GUIDE.read_text()
    assert hook in Path(__file__).with_name('test_plugin_manager.py').read_text()
