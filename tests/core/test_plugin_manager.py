from __future__ import annotations

import ast
import logging
import multiprocessing
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from skelreg import graphs, provenance
from skelreg.errors import ConfigError, PluginError
from skelreg.learner.learner import WeightedTerm
from skelreg.plugin_manager import CORE_MODULES, load_plugins
from skelreg.registry import BACKBONES, HEADS, POLICIES
from skelreg.structures import MultiView, Step, View

from .conftest import GOOD_INIT, GOOD_NETS, Site

Load = Callable[[], Any]

# Each of these plugins is broken in one way; the last column is what the user must read.
BROKEN = [
    ("raise RuntimeError('out of luck')", 'RuntimeError: out of luck'),
    ('import sys; sys.exit(3)', 'SystemExit: 3'),
    ('import no_such_dependency', "ModuleNotFoundError: No module named 'no_such_dependency'"),
    ('def broken(:', 'SyntaxError'),
    (
        GOOD_INIT.replace('skelreg_component_modules', 'skelreg_component_module'),
        "'skelreg_component_module' is no hook of skelreg; .*did you mean 'skelreg_component_modules'",
    ),
    (
        GOOD_INIT.replace('skelreg_component_modules', 'component_modules'),
        "'component_modules' is no hook of skelreg",
    ),
    (GOOD_INIT.replace('@hookimpl', ''), "'skelreg_component_modules' is not marked; fix: decorate it"),
    (GOOD_INIT + '    SKELREG_PLUGIN_API = 99', 'asks for another version of the extension API; got: 99'),
    ('x = 1', 'it implements no hook of skelreg'),
    (GOOD_INIT.replace('.nets', '.no_such_module'), "No module named 'skelreg_bad.no_such_module'"),
]


def origin_of(name: str) -> provenance.Origin:
    """What a worker sees; a function of the module, so that it can be sent there."""
    return BACKBONES.origin(name)


def test_plugin_brings_its_components(site: Site, load: Load) -> None:
    site.install('skelreg_good')
    load()
    assert BACKBONES.origin('PluginNet') == provenance.Origin('skelreg_good.nets', 'skelreg_good', '1.2')


def test_plugin_that_asks_for_this_version_of_the_api_is_loaded(site: Site, load: Load) -> None:
    site.install('skelreg_good', GOOD_INIT + '    SKELREG_PLUGIN_API = 1')
    assert load().has_plugin('good')


def test_plugin_brings_its_layouts(site: Site, load: Load) -> None:
    hook = """
    from pathlib import Path

    @hookimpl
    def skelreg_layouts():
        return [Path(__file__).with_name('nucla_again.yaml')]
"""
    site.install('skelreg_good', GOOD_INIT + hook)
    shutil.copy(
        Path(graphs.__file__).with_name('layouts') / 'nucla.yaml',
        site.folder / 'skelreg_good' / 'nucla_again.yaml',
    )
    load()
    assert provenance.LOAD_FAILURES == []
    assert graphs.get_layout('nucla_again').num_joints == graphs.get_layout('nucla').num_joints


@pytest.mark.parametrize(('init', 'reason'), BROKEN)
def test_broken_plugin_is_told_in_one_warning_and_harms_only_itself(
    site: Site, load: Load, caplog: pytest.LogCaptureFixture, init: str, reason: str
) -> None:
    site.install('skelreg_bad', init)
    site.install('skelreg_good', nets=GOOD_NETS.replace('PluginNet', 'GoodNet'))
    manager = load()
    assert 'GoodNet' in BACKBONES and 'PluginNet' not in BACKBONES
    assert manager.has_plugin('good') and not manager.has_plugin('bad')
    [record] = caplog.records
    assert record.levelno == logging.WARNING and '\n' not in record.message
    with pytest.raises(ConfigError, match=rf"plugin 'bad' \(skelreg_bad 1\.2\) failed to load: .*{reason}"):
        BACKBONES.find('BadNet')


def test_plugin_that_fails_half_way_leaves_no_name_behind(site: Site, load: Load) -> None:
    site.install('skelreg_bad', nets=GOOD_NETS + "\n    raise RuntimeError('too late')")
    load()
    assert 'PluginNet' not in BACKBONES and 'skelreg_bad.PluginNet' not in BACKBONES


def test_missing_name_shows_where_the_plugin_raised(site: Site, load: Load) -> None:
    site.install('skelreg_bad', "raise RuntimeError('out of luck')")
    load()
    with pytest.raises(ConfigError, match=r'out of luck \(File ".*skelreg_bad.__init__\.py", line 1'):
        BACKBONES.find('BadNet')


def test_plugin_that_fails_at_its_second_layout_leaves_no_first_one(site: Site, load: Load) -> None:
    hook = """
    from pathlib import Path

    @hookimpl
    def skelreg_layouts():
        return [Path(__file__).with_name(name) for name in ('nucla_first.yaml', 'no_such_file.yaml')]
"""
    site.install('skelreg_bad', GOOD_INIT + hook)
    shutil.copy(
        Path(graphs.__file__).with_name('layouts') / 'nucla.yaml',
        site.folder / 'skelreg_bad' / 'nucla_first.yaml',
    )
    load()
    assert 'no_such_file' in provenance.LOAD_FAILURES[0].reason
    assert 'nucla_first' not in graphs.layout_names()


def test_every_module_that_registers_components_is_loaded_with_the_core() -> None:
    root = Path(graphs.__file__).parents[1]
    registering = {
        '.'.join(('skelreg', *path.relative_to(root).with_suffix('').parts))
        for path in root.rglob('*.py')
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Attribute) and node.attr == 'register_module'
    }
    assert registering - set(CORE_MODULES) == set()


def test_plugin_that_builds_while_it_is_imported_is_told_so(site: Site, load: Load) -> None:
    site.install('skelreg_bad', nets=GOOD_NETS + "\n    BACKBONES.find('STGCN')")
    load()
    assert 'build components inside functions' in provenance.LOAD_FAILURES[0].reason


def test_plugin_that_takes_a_name_of_skelreg_is_left_out(site: Site, load: Load) -> None:
    site.install('skelreg_bad', nets=GOOD_NETS.replace('PluginNet', 'STGCN'))
    load()
    assert 'cannot be overridden' in provenance.LOAD_FAILURES[0].reason
    assert BACKBONES.origin('STGCN').distribution == 'skelreg'


def test_two_plugins_with_one_class_name_live_together(site: Site, load: Load) -> None:
    site.install('skelreg_one')
    site.install('skelreg_two')
    load()
    assert {'skelreg_one.PluginNet', 'skelreg_two.PluginNet'} <= set(BACKBONES.names())


def test_second_distribution_with_a_taken_plugin_name_is_told_so(site: Site, load: Load) -> None:
    site.install('skelreg_good')
    site.install('good')
    load()
    assert "the plugin name 'good' is taken" in provenance.LOAD_FAILURES[0].reason


@pytest.mark.parametrize(
    ('disabled', 'left'), [('one', ['two']), ('one,two', []), (' one , three', ['two']), ('all', [])]
)
def test_disable_switch_leaves_plugins_out_quietly(
    site: Site,
    load: Load,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    disabled: str,
    left: list[str],
) -> None:
    site.install('skelreg_one')
    site.install('skelreg_two')
    monkeypatch.setenv('SKELREG_DISABLE_PLUGINS', disabled)
    manager = load()
    assert [name for name in ('one', 'two') if manager.has_plugin(name)] == left
    assert caplog.records == []


def test_missing_name_tells_of_plugins_that_the_switch_left_out(
    site: Site, load: Load, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.install('skelreg_good')
    monkeypatch.setenv('SKELREG_DISABLE_PLUGINS', 'all')
    load()
    with pytest.raises(ConfigError, match=r"plugin 'good' .* left out by SKELREG_DISABLE_PLUGINS"):
        BACKBONES.find('PluginNet')


def test_loading_again_changes_nothing(site: Site, load: Load, caplog: pytest.LogCaptureFixture) -> None:
    site.install('skelreg_bad', "raise RuntimeError('out of luck')")
    manager, names = load(), BACKBONES.names()
    assert load_plugins() is manager and BACKBONES.names() == names
    assert len(caplog.records) == len(provenance.LOAD_FAILURES) == 1


def test_ranks_above_zero_are_quiet(
    site: Site, load: Load, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    site.install('skelreg_bad', "raise RuntimeError('out of luck')")
    monkeypatch.setenv('RANK', '1')
    load()
    assert caplog.records == [] and len(provenance.LOAD_FAILURES) == 1


def test_spawned_worker_loads_plugins_and_is_quiet(site: Site, load: Load, capfd: Any) -> None:
    site.install('skelreg_good')
    site.install('skelreg_bad', "raise RuntimeError('out of luck')")
    with multiprocessing.get_context('spawn').Pool(1) as pool:
        origin = pool.apply(origin_of, ['PluginNet'])
    assert origin.distribution == 'skelreg_good'
    assert 'out of luck' not in capfd.readouterr().err


WRONG_SHAPE = """
    from skelreg.backbones.base import Backbone
    from skelreg.registry import BACKBONES
    from skelreg.structures import Features

    @BACKBONES.register_module()
    class PluginNet(Backbone):
        in_channels, out_channels, num_joints = 3, 8, None

        def forward(self, x):
            return Features(x.mean(dim=(2, 3, 4)))
"""


def test_backbone_that_returns_a_wrong_shape_is_told_with_its_distribution(site: Site, load: Load) -> None:
    site.install('skelreg_bad', nets=WRONG_SHAPE)
    load()
    view = View('plain', torch.zeros(4, 3, 5, 25, 2))
    with pytest.raises(PluginError, match=r'(?s)PluginNet \(skelreg_bad 1\.2\) returns.*\(4, 3\).*\(4, 8\)'):
        BACKBONES.build(dict(type='PluginNet')).encode(view)


WRONG_AUGMENTATION = """
    from skelreg.augmentations.base import Augmentation
    from skelreg.registry import AUGMENTATIONS

    @AUGMENTATIONS.register_module()
    class Half(Augmentation):
        def sample(self, x, generator=None):
            return {}

        def apply(self, x):
            return x[:, :, ::2]
"""
WRONG_HEAD = """
    from skelreg.heads.base import Head
    from skelreg.registry import HEADS

    @HEADS.register_module()
    class Bare(Head):
        def forward(self, step):
            return {'loss': step.views[0].skeleton.mean()}
"""


def test_augmentation_that_changes_the_shape_is_told_with_its_distribution(site: Site, load: Load) -> None:
    site.install('skelreg_bad', nets=WRONG_AUGMENTATION)
    load()
    policy = POLICIES.build(dict(type='SingleViewPolicy', augmentations=[dict(type='Half')]))
    with pytest.raises(PluginError, match=r'Half \(skelreg_bad 1\.2\) changes the shape'):
        policy(torch.zeros(2, 3, 6, 25, 1), lambda x: x)


def test_head_that_returns_no_terms_is_told_with_its_distribution(site: Site, load: Load) -> None:
    site.install('skelreg_bad', nets=WRONG_HEAD)
    load()
    term = WeightedTerm(HEADS.build(dict(type='Bare')))
    with pytest.raises(PluginError, match=r'(?s)Bare \(skelreg_bad 1\.2\) returns.*got: dict'):
        term(Step(MultiView((View('plain', torch.zeros(1, 3, 2, 25, 1)),))))
