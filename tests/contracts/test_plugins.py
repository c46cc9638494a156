"""Every component of every installed plugin keeps its contract, by the example that the plugin gives."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from skelreg import testing
from skelreg.errors import PluginError
from skelreg.registry import CORE
from skelreg.testing.registered import CHECKS, Registered, unused_examples
from tests.core.conftest import GOOD_INIT, Site, load, site

__all__ = ['load', 'site']

Load = Callable[[], Any]
PLUGINS = [entry for entry in testing.registered() if entry.distribution != CORE]

HEADS = """
    from skelreg.heads.base import Head
    from skelreg.registry import HEADS
    from skelreg.structures import Terms

    @HEADS.register_module()
    class Scaled(Head):
        needs = frozenset({'embeddings'})

        def __init__(self, scale):
            super().__init__()
            self.scale = scale

        def forward(self, step):
            return Terms({'loss': self.scale * step.embeddings[0].square().mean()})
"""
READERS = """
    from skelreg.datasets.readers.base import Reader
    from skelreg.registry import READERS

    @READERS.register_module()
    class NoExample(Reader):
        def sources(self, path): ...
        def read(self, source): ...
"""
EXAMPLES = """
    @hookimpl
    def skelreg_examples():
        return {'Scaled': dict(cfg=dict(scale=2.0)), 'Scalled': dict()}
"""


@pytest.mark.parametrize('entry', PLUGINS, ids=lambda entry: f'{entry.distribution}:{entry.name}')
def test_component_of_a_plugin_keeps_its_contract(entry: Registered) -> None:
    entry.check()


def test_all_kinds_with_a_contract_are_checked_and_core_is_among_them() -> None:
    kinds = {entry.kind for entry in testing.registered(CORE)}
    assert kinds == set(CHECKS)


def test_example_of_a_plugin_reaches_the_check(site: Site, load: Load) -> None:
    site.install('skelreg_good', GOOD_INIT + EXAMPLES, nets=HEADS)
    load()
    [entry] = testing.registered('skelreg_good')
    assert (entry.kind, entry.name, entry.example) == ('head', 'Scaled', {'cfg': {'scale': 2.0}})
    entry.check()
    assert unused_examples('skelreg_good') == ['Scalled']


def test_component_without_its_example_breaks_the_clause_builds(site: Site, load: Load) -> None:
    site.install('skelreg_good', nets=HEADS)
    load()
    with pytest.raises(testing.ContractError, match=r"clause 'builds'.*lacks the argument 'scale'"):
        testing.registered('skelreg_good')[0].check()


def test_reader_without_an_example_is_told_how_to_give_one(site: Site, load: Load) -> None:
    site.install('skelreg_good', nets=READERS)
    load()
    with pytest.raises(PluginError, match='skelreg_examples'):
        testing.registered('skelreg_good')[0].check()
