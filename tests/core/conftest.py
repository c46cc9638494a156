"""Fake distributions: a package and its `.dist-info` in a folder on `sys.path`, no pip needed."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from textwrap import dedent

import pluggy
import pytest

from skelreg import plugin_manager, provenance, registry

GOOD_INIT = """
    from skelreg.hookspecs import hookimpl

    @hookimpl
    def skelreg_component_modules():
        return [f'{__name__}.nets']
"""
GOOD_NETS = """
    from skelreg.backbones.base import Backbone
    from skelreg.registry import BACKBONES

    @BACKBONES.register_module()
    class PluginNet(Backbone):
        '''A net from outside.'''

        def forward(self, x):
            raise NotImplementedError
"""


class Site:
    """A folder of installed packages.

    Args:
        folder: It must stand on `sys.path`, or in PYTHONPATH of a child process.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.packages: list[str] = []

    def install(self, package: str, init: str = GOOD_INIT, **modules: str) -> None:
        """Write distribution `<package>` 1.2 with entry point `<package without its prefix>`."""
        dotted = {'__init__': init, **(modules or {'nets': GOOD_NETS})}
        (self.folder / package).mkdir(parents=True)
        for name, source in dotted.items():
            (self.folder / package / f'{name}.py').write_text(dedent(source))
        info = self.folder / f'{package}-1.2.dist-info'
        info.mkdir()
        (info / 'METADATA').write_text(f'Metadata-Version: 2.1\nName: {package}\nVersion: 1.2\n')
        (info / 'entry_points.txt').write_text(
            f'[skelreg]\n{package.removeprefix("skelreg_")} = {package}\n'
        )
        self.packages.append(package)


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path / 'site')


@pytest.fixture
def load(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[], pluggy.PluginManager]]:
    """Discover as a new process would, with the packages of `site`; all of it is undone afterwards."""
    plugin_manager.load_plugins()
    before = {
        each: (dict(each._module_dict), {name: dict(holders) for name, holders in each._holders.items()})
        for each in registry.ALL.values()
    }
    failures = list(provenance.LOAD_FAILURES)

    def discover() -> pluggy.PluginManager:
        importlib.invalidate_caches()
        provenance.LOAD_FAILURES.clear()
        monkeypatch.setattr(plugin_manager, '_manager', None)
        return plugin_manager.load_plugins()

    monkeypatch.syspath_prepend(site.folder)
    yield discover
    for each, (module_dict, holders) in before.items():
        each._module_dict.clear()
        each._module_dict.update(module_dict)
        each._holders.clear()
        each._holders.update(holders)
    provenance.LOAD_FAILURES[:] = failures
    for name in [name for name in sys.modules if name.partition('.')[0] in site.packages]:
        del sys.modules[name]
