from __future__ import annotations

import inspect
import re
from pathlib import Path
from types import ModuleType

import pytest

from skelreg import hookspecs
from skelreg.plugin_manager import check_plugin

HOOKS = [name for name in vars(hookspecs) if name.startswith('skelreg_')]
GUIDE = Path(__file__).parents[2] / 'plugins' / 'README.md'


def section(hook: str, guide: str) -> str:
    """What the guide says below the heading of a hook, up to the next heading."""
    found = re.search(rf'^### `{hook}\((.*?)\)`$(.*?)(?=^##)', guide, re.M | re.S)
    assert found, f'the guide has no section on {hook}'
    return found[0]


def example(text: str) -> str:
    found = re.search(r'^```python\n(.*?)^```', text, re.M | re.S)
    assert found, 'the section has no example'
    return found[1]


@pytest.mark.parametrize('hook', HOOKS)
def test_hook_is_explained_where_it_is_specified(hook: str) -> None:
    assert inspect.getdoc(getattr(hookspecs, hook))


@pytest.mark.parametrize('hook', HOOKS)
def test_hook_has_its_section_in_the_guide_with_arguments_and_result(hook: str) -> None:
    text = section(hook, GUIDE.read_text())
    assert 'Arguments: ' in text and 'Returns: ' in text
    for argument in inspect.signature(getattr(hookspecs, hook)).parameters:
        assert f'`{argument}`' in text


@pytest.mark.parametrize('hook', HOOKS)
def test_example_of_the_guide_is_a_plugin_with_that_hook(hook: str) -> None:
    plugin = ModuleType('skelreg_example')
    plugin.__file__ = str(GUIDE)
    exec(example(section(hook, GUIDE.read_text())), vars(plugin))
    check_plugin(plugin)
    assert callable(getattr(plugin, hook))
    list(getattr(plugin, hook)())  # it runs, and gives something to go through


def test_hook_without_a_section_is_seen() -> None:
    with pytest.raises(AssertionError, match='no section on skelreg_forgotten'):
        section('skelreg_forgotten', GUIDE.read_text())


@pytest.mark.parametrize('hook', HOOKS)
def test_hook_has_its_test(hook: str) -> None:
    folder = Path(__file__).parents[1]
    tests = [folder / 'core' / 'test_plugin_manager.py', folder / 'contracts' / 'test_plugins.py']
    assert any(hook in path.read_text() for path in tests)
