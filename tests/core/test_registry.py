from __future__ import annotations

from typing import Any

import mmengine.registry
import pytest
from torch import nn

from skelreg import provenance, registry
from skelreg.backbones.base import Backbone
from skelreg.errors import ConfigError, DataError, PluginError
from skelreg.registry import BACKBONES, FUNCTIONS, HOOKS, ComponentRegistry, config_path, current_path


class Net(Backbone):
    """A backbone with every kind of argument."""

    def __init__(self, width: int, layout: str = 'any', *, depth: int = 1) -> None:
        super().__init__()
        if depth < 1:
            raise ValueError(f'depth must be at least 1, got {depth}')
        self.width, self.layout, self.depth = width, layout, depth

    def forward(self, x: Any) -> Any:
        raise NotImplementedError


class Bare(Net):
    """A backbone that leaves the constructor to torch."""

    __init__ = nn.Module.__init__  # type: ignore[assignment]


@pytest.fixture
def nets() -> ComponentRegistry:
    """A registry of its own, so that no test leaves names behind."""
    made = ComponentRegistry('backbone', 'skelreg.backbones.base:Backbone')
    made.register_module()(Net)
    made.register_module()(Bare)
    return made


def class_of(package: str, name: str = 'Net') -> type[Net]:
    return type(name, (Net,), {'__module__': f'{package}.nets'})


def test_build_makes_the_component_that_the_config_names(nets: ComponentRegistry) -> None:
    net = nets.build(dict(type='Net', width=8, depth=2))
    assert isinstance(net, Net) and (net.width, net.depth) == (8, 2)


@pytest.mark.parametrize('spelling', ['Net', 'tests.Net', 'tests.core.test_registry.Net', 'skelreg.Net'])
def test_name_has_a_long_spelling_and_an_import_path(nets: ComponentRegistry, spelling: str) -> None:
    assert nets.find(spelling) is Net


def test_type_may_be_the_class_itself(nets: ComponentRegistry) -> None:
    assert isinstance(nets.build(dict(type=Net, width=8)), Net)


def test_build_leaves_the_config_as_it_was(nets: ComponentRegistry) -> None:
    cfg = dict(type='Net', width=8)
    nets.build(cfg, layout='nucla')
    assert cfg == dict(type='Net', width=8)


def test_instance_passes_through(nets: ComponentRegistry) -> None:
    net = Net(width=8)
    assert nets.build(net) is net


def test_context_fills_what_the_signature_has_and_the_config_leaves_open(nets: ComponentRegistry) -> None:
    assert nets.build(dict(type='Net', width=8), layout='nucla', in_channels=3).layout == 'nucla'


def test_config_wins_over_context(nets: ComponentRegistry) -> None:
    assert nets.build(dict(type='Net', width=8, layout='ntu_rgbd'), layout='nucla').layout == 'ntu_rgbd'


def test_unknown_name_is_answered_with_the_closest_and_all_names(nets: ComponentRegistry) -> None:
    with pytest.raises(ConfigError) as caught:
        nets.build(dict(type='Nte', width=8), where='backbone')
    text = str(caught.value)
    assert "backbone 'Nte' is not registered (backbone.type)" in text
    assert 'Closest: Net. Known: Bare, Net.' in text


def test_unknown_name_is_answered_with_every_plugin_that_failed(
    nets: ComponentRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    failure = provenance.LoadFailure('hypergcn', 'skelreg-hypergcn', '1.2', "No module named 'einops'")
    monkeypatch.setattr(registry, 'LOAD_FAILURES', [failure])
    with pytest.raises(ConfigError, match=r"plugin 'hypergcn' .* failed to load: No module named 'einops'"):
        nets.find('HyperGCN')


@pytest.mark.parametrize('name', ['no_such_package.Net', 'tests.core.test_registry.NoSuchNet', 'a.b.c'])
def test_dotted_name_that_leads_nowhere_is_unknown(nets: ComponentRegistry, name: str) -> None:
    with pytest.raises(ConfigError, match='is not registered'):
        nets.find(name)


def test_dotted_name_tells_what_its_module_lacks(
    nets: ComponentRegistry, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / 'needy_module.py').write_text('import no_such_dependency')
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ConfigError, match=r"cannot be imported[\s\S]*No module named 'no_such_dependency'"):
        nets.find('needy_module.Net')


def test_unknown_argument_is_answered_with_the_closest(nets: ComponentRegistry) -> None:
    with pytest.raises(ConfigError) as caught:
        nets.build(dict(type='Net', widht=8), where='backbone')
    assert "backbone Net takes no argument 'widht' (backbone.widht)" in str(caught.value)
    assert 'Closest: width. Known: depth, layout, width.' in str(caught.value)


def test_unknown_argument_is_refused_where_torch_makes_the_constructor(nets: ComponentRegistry) -> None:
    with pytest.raises(ConfigError, match="Bare takes no argument 'width'"):
        nets.build(dict(type='Bare', width=8))


def test_missing_argument_is_named_with_the_signature(nets: ComponentRegistry) -> None:
    with pytest.raises(ConfigError, match=r"Net lacks the argument 'width' \(model\.backbone\.width\)"):
        nets.build(dict(type='Net'), where='model.backbone')


def test_missing_argument_is_named_beside_open_keywords() -> None:
    def make(width: int, **more: int) -> None:
        """Takes anything, but needs a width."""

    functions = ComponentRegistry('function')
    with pytest.raises(ConfigError, match="lacks the argument 'width'"):
        functions.build(dict(type=make, depth=2))


def test_value_error_of_the_constructor_gets_the_place_in_the_config(nets: ComponentRegistry) -> None:
    with (
        pytest.raises(ConfigError, match=r'got 0 \(model\.backbone\.type=Net\)') as caught,
        config_path('model'),
    ):
        nets.build(dict(type='Net', width=8, depth=0), where='backbone')
    assert isinstance(caught.value.__cause__, ValueError)


@pytest.mark.parametrize(('given', 'shown'), [(None, 'reader.type=read'), ('frames.npy', 'frames.npy')])
def test_error_of_ours_gets_the_place_only_if_it_has_none(given: str | None, shown: str) -> None:
    def read(file: str | None) -> None:
        raise DataError('damaged', where=file)

    with pytest.raises(DataError, match=rf'damaged \({shown}\)'):
        ComponentRegistry('function').build(dict(type=read, file=given), where='reader')


def test_config_path_is_whole_inside_and_gone_outside() -> None:
    with config_path('model'), config_path('heads'):
        assert current_path('type') == 'model.heads.type'
    assert current_path() == 'config'


@pytest.mark.parametrize('cfg', [None, 'Net', ['Net'], 3])
def test_config_that_is_no_dict_is_refused(nets: ComponentRegistry, cfg: object) -> None:
    with pytest.raises(ConfigError, match='backbone needs a dict with a type'):
        nets.build(cfg)


def test_config_without_type_lists_the_names(nets: ComponentRegistry) -> None:
    with pytest.raises(ConfigError, match='accepted: type=one of Bare, Net'):
        nets.build(dict(width=8))


def test_wrong_contract_is_refused_at_registration(nets: ComponentRegistry) -> None:
    with pytest.raises(ConfigError, match=r'OrderedDict is no backbone') as caught:
        nets.register_module()(type('OrderedDict', (dict,), {'__module__': 'alpha'}))
    assert caught.value.accepted == 'a subclass of skelreg.backbones.base.Backbone'


@pytest.mark.parametrize('kind', ['collections.OrderedDict', nn.Linear])
def test_wrong_contract_is_refused_at_build(nets: ComponentRegistry, kind: object) -> None:
    with pytest.raises(ConfigError, match=r'is no backbone \(backbone\)'):
        nets.build(dict(type=kind), where='backbone')


def test_wrong_contract_of_an_instance_is_refused(nets: ComponentRegistry) -> None:
    with pytest.raises(ConfigError, match='Linear is no backbone'):
        nets.build(nn.Linear(2, 2))


def test_second_class_of_a_package_with_a_taken_name_is_refused(nets: ComponentRegistry) -> None:
    with pytest.raises(PluginError, match=r"'tests\.Net' is already registered"):
        nets.register_module()(class_of('tests'))


def test_same_class_may_be_registered_twice(nets: ComponentRegistry) -> None:
    nets.register_module()(Net)
    assert nets.names() == ['Bare', 'Net']


def test_force_is_refused(nets: ComponentRegistry) -> None:
    with pytest.raises(PluginError, match='may not override'):
        nets.register_module(force=True)(Net)


def test_name_of_skelreg_cannot_be_taken(nets: ComponentRegistry) -> None:
    nets.register_module()(class_of('skelreg', 'STGCN'))
    with pytest.raises(PluginError, match="'STGCN' is a name of skelreg itself") as caught:
        nets.register_module()(class_of('hyper_gcn', 'STGCN'))
    assert 'HyperGcnSTGCN' in str(caught.value)


def test_name_of_skelreg_cannot_be_taken_by_who_registers_first() -> None:
    with pytest.raises(PluginError, match='cannot be overridden'):
        BACKBONES.register_module()(class_of('early_bird', 'STGCN'))


def test_two_packages_with_one_name_live_under_their_long_spellings(nets: ComponentRegistry) -> None:
    alpha, beta = class_of('alpha', 'Twin'), class_of('beta', 'Twin')
    nets.register_module()(alpha)
    nets.register_module()(beta)
    assert (nets.find('alpha.Twin'), nets.find('beta.Twin')) == (alpha, beta)
    assert nets.names() == ['Bare', 'Net', 'alpha.Twin', 'beta.Twin']
    with pytest.raises(ConfigError, match=r"'Twin' is ambiguous[\s\S]*'alpha.Twin' or 'beta.Twin'"):
        nets.find('Twin')


def test_third_package_with_one_name_joins_the_ambiguity(nets: ComponentRegistry) -> None:
    for package in ('alpha', 'beta', 'gamma'):
        nets.register_module()(class_of(package, 'Twin'))
    with pytest.raises(ConfigError, match=r"'alpha\.Twin' or 'beta\.Twin' or 'gamma\.Twin'"):
        nets.find('Twin')


def test_withdrawn_package_leaves_the_plain_name_to_the_other(nets: ComponentRegistry) -> None:
    alpha = class_of('alpha', 'Twin')
    nets.register_module()(alpha)
    nets.register_module()(class_of('beta', 'Twin'))
    nets.withdraw('beta')
    assert nets.find('Twin') is alpha
    assert 'beta.Twin' not in nets


def test_component_can_be_registered_under_other_names(nets: ComponentRegistry) -> None:
    nets.register_module(name=['first', 'second'])(class_of('alpha'))
    assert nets.find('first') is nets.find('alpha.second')


def test_origin_names_the_distribution() -> None:
    origin = BACKBONES.origin('STGCN')
    assert (origin.module, origin.distribution) == ('skelreg.backbones.stgcn', 'skelreg')


def test_origin_of_a_loose_file_is_the_file(nets: ComponentRegistry) -> None:
    nets.register_module()(class_of('loose_file', 'Loose'))
    origin = nets.origin('Loose')
    assert (origin.distribution, origin.version) == ('loose_file', 'not installed')


def test_parts_of_mmengine_are_found_below_ours() -> None:
    assert HOOKS.find('CheckpointHook') is HOOKS.find('mmengine.CheckpointHook')


def test_mmengine_finds_ours_and_meets_the_same_errors() -> None:
    with mmengine.registry.DefaultScope.overwrite_default_scope('skelreg'):
        assert mmengine.registry.FUNCTIONS.get('skelreg.batch_collate') is FUNCTIONS.find('batch_collate')
        with pytest.raises(Exception, match='Closest: CheckpointHook'):
            mmengine.registry.HOOKS.build(dict(type='ChekpointHook'))


def test_membership_asks_for_names_and_never_raises(nets: ComponentRegistry) -> None:
    assert 'Net' in nets and 'NoNet' not in nets and 'CheckpointHook' in HOOKS
