"""Checkpoints of other projects, to our names and back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from skelreg.backbones.stgcn import STGCN
from skelreg.compat.files import load_file
from skelreg.compat.weights import load_pretrained
from skelreg.errors import CheckpointError, ConfigError
from skelreg.graphs import adjacency
from skelreg.learner.foreign import (
    export_file,
    from_hiclr_dsta,
    from_hiclr_stgcn,
    from_pyskl_stgcn,
    import_file,
    recognise_graph,
    rename_hiclr_stgcn,
    to_hiclr_dsta,
    to_hiclr_stgcn,
)
from skelreg.necks.classifier import LinearClassifier
from tests.reference.pyskl_stgcn import Recognizer
from tests.runs import HICLR, run_tool, small


def randomise(module: nn.Module) -> nn.Module:
    """Every parameter and statistic another value, variances positive."""
    torch.manual_seed(0)
    for name, value in module.state_dict().items():
        if value.is_floating_point() and name.split('.')[-1] != 'A':
            noise = 0.2 * torch.randn_like(value)
            value.copy_(1 + noise.abs() if name.endswith('var') else noise)
    return module.eval()


def learner(backbone: dict[str, Any] | None = None) -> nn.Module:
    """HiCLR with projector, key encoder, queue and learnt fill of the mask."""
    from skelreg.plugin_manager import load_plugins
    from skelreg.registry import MODELS

    load_plugins()
    model: nn.Module = MODELS.build({**small(HICLR).model, **({'backbone': backbone} if backbone else {})})
    return randomise(model)


TRANSFORMER = dict(
    type='Transformer', stem_channels=4, blocks=[(4, 2, 1), (8, 2, 2)], temporal_attention=True, num_frames=8
)


def assert_same_tensors(found: dict[str, Tensor], expected: dict[str, Tensor]) -> None:
    assert set(found) == set(expected)
    for name, value in expected.items():
        assert found[name].dtype == value.dtype and torch.equal(found[name], value), name


def test_stgcn_goes_to_the_release_and_back_bit_for_bit() -> None:
    ours = learner().state_dict()
    theirs = to_hiclr_stgcn(ours, 'nucla', 'spatial')
    assert {'encoder_q.edge_importance1', 'encoder_k.edge_importance10', 'encoder_q.fc.2.bias'} <= set(theirs)
    assert torch.equal(theirs['encoder_k.A'], adjacency('nucla', 'spatial'))
    assert theirs['queue'].shape == ours['queue.features'].T.shape and theirs['queue_ptr'].shape == (1,)
    assert_same_tensors(from_hiclr_stgcn(theirs), ours)


def test_transformer_goes_to_the_release_and_back_bit_for_bit() -> None:
    ours = learner(TRANSFORMER).state_dict()
    theirs = to_hiclr_dsta(ours)
    assert {'encoder_q.graph_layers.0.attention0t', 'encoder_k.graph_layers.1.downs2.1.weight'} <= set(theirs)
    assert_same_tensors(from_hiclr_dsta(theirs), ours)


def test_a_supervised_model_has_its_classifier_as_fc() -> None:
    backbone = STGCN(hidden_channels=4, out_channels=8)
    ours = nn.ModuleDict({'backbone': backbone, 'classifier': LinearClassifier(8, 5)}).state_dict()
    theirs = to_hiclr_stgcn(ours, 'ntu_rgbd', 'spatial')
    assert torch.equal(theirs['encoder_q.fc.weight'], ours['classifier.linear.weight'])
    assert_same_tensors(from_hiclr_stgcn(theirs), ours)


def test_edge_importance_may_be_counted_either_way() -> None:
    assert rename_hiclr_stgcn(['encoder_q.edge_importance10', 'encoder_q.edge_importance.0']) == {
        'encoder_q.edge_importance10': 'backbone.blocks.9.edge_importance',
        'encoder_q.edge_importance.0': 'backbone.blocks.0.edge_importance',
    }


@pytest.mark.parametrize('classifier', ['fc_cls', 'fc'])
@torch.no_grad()
def test_pyskl_stgcn_computes_the_same_under_our_names(classifier: str) -> None:
    theirs = randomise(Recognizer(4, 5, adjacency('ntu_rgbd', 'release_spatial'), classifier))
    state = from_pyskl_stgcn(theirs.state_dict())
    backbone = STGCN('ntu_rgbd', hidden_channels=4, out_channels=16, adjacency='release_spatial')
    ours = nn.ModuleDict({'backbone': backbone, 'classifier': LinearClassifier(16, 5)}).eval()
    ours.load_state_dict(state)
    x = torch.randn(2, 3, 13, 25, 2)
    logits = ours['classifier'](backbone(x).pooled)
    torch.testing.assert_close(logits, theirs(x), rtol=1e-4, atol=1e-5)


def test_pyskl_stgcn_has_the_published_size() -> None:
    """179 tensors and 3,083,412 parameters without a classifier, at width 64 and 25 joints."""
    backbone = Recognizer(64, 60, adjacency('ntu_rgbd', 'release_spatial')).backbone
    assert len(backbone.state_dict()) == 179
    assert sum(parameter.numel() for parameter in backbone.parameters()) == 3_083_412
    ours = STGCN('ntu_rgbd', hidden_channels=64, out_channels=256)
    assert sum(parameter.numel() for parameter in ours.parameters()) == 3_083_412


@pytest.mark.parametrize(
    ('name', 'message'),
    [
        ('backbone.gcn.0.tcn.branches.0.0.weight', r'unknown names: backbone\.gcn\.0\.tcn\.branches'),
        ('backbone.gcn.0.gcn.down.0.weight', 'unknown names'),
        ('queue', 'unknown names: queue'),
    ],
)
def test_another_network_of_pyskl_is_refused(name: str, message: str) -> None:
    state = Recognizer(2, 3, adjacency('ntu_rgbd', 'spatial')).state_dict()
    with pytest.raises(CheckpointError, match=f'(?s)no plain ST-GCN.*{message}'):
        from_pyskl_stgcn({**state, name: torch.ones(1)})


def test_learnt_graphs_of_pyskl_are_refused() -> None:
    state = Recognizer(2, 3, adjacency('ntu_rgbd', 'spatial')).state_dict()
    with pytest.raises(CheckpointError, match='no weights PA'):
        from_pyskl_stgcn({name: value for name, value in state.items() if not name.endswith('.PA')})


def test_parts_without_a_counterpart_are_listed() -> None:
    ours = learner().state_dict()
    with pytest.raises(CheckpointError, match=r'(?s)no place for.*got: neck\.a, regularizers\.b'):
        to_hiclr_stgcn({**ours, 'neck.a': torch.ones(1), 'regularizers.b': torch.ones(1)}, 'nucla', 'spatial')
    with pytest.raises(CheckpointError, match='no place for'):
        to_hiclr_dsta(ours)
    extra = {'classifier.linear.weight': torch.ones(1), 'classifier.linear.bias': torch.ones(1)}
    with pytest.raises(CheckpointError, match='one place for projector and classifier'):
        to_hiclr_stgcn({**ours, **extra}, 'nucla', 'spatial')


@pytest.mark.parametrize(('layout', 'strategy'), [('ntu_rgbd', 'spatial'), ('nucla', 'uniform')])
def test_a_graph_that_the_weights_do_not_have_is_refused(layout: str, strategy: str) -> None:
    with pytest.raises(CheckpointError, match='of another skeleton layout or adjacency'):
        to_hiclr_stgcn(learner().state_dict(), layout, strategy)


@pytest.mark.parametrize('layout', ['ntu_rgbd', 'nucla'])
@pytest.mark.parametrize('strategy', ['spatial', 'release_spatial', 'uniform'])
def test_the_graph_of_a_checkpoint_is_recognised(layout: str, strategy: str) -> None:
    assert recognise_graph([adjacency(layout, strategy)] * 2) == (layout, strategy)


def test_an_unknown_graph_is_refused() -> None:
    known = adjacency('ntu_rgbd', 'spatial')
    with pytest.raises(CheckpointError, match=r'no skeleton layout here gives'):
        recognise_graph([torch.rand(3, 25, 25)])
    with pytest.raises(CheckpointError, match='not the same in all blocks'):
        recognise_graph([known, torch.rand(3, 25, 25)])
    assert recognise_graph([]) is None


def test_pyskl_file_becomes_one_that_says_its_graph(tmp_path: Path) -> None:
    state = randomise(Recognizer(2, 3, adjacency('ntu_rgbd', 'release_spatial'), 'fc')).state_dict()
    torch.save({'meta': {'epoch': 16}, 'state_dict': state}, tmp_path / 'theirs.pth')
    done = import_file(tmp_path / 'theirs.pth', tmp_path / 'ours.pth', 'pyskl-stgcn')
    assert done.graph == ('ntu_rgbd', 'release_spatial')
    assert set(done.left_out) == {f'backbone.gcn.{i}.gcn.A' for i in range(10)}
    written = load_file(tmp_path / 'ours.pth')
    assert (written['meta']['layout'], written['meta']['encoder']['adjacency']) == done.graph
    assert_same_tensors(written['state_dict'], from_pyskl_stgcn(state))


def test_an_own_graph_in_a_file_is_refused(tmp_path: Path) -> None:
    state = Recognizer(2, 3, torch.rand(3, 25, 25)).state_dict()
    torch.save(state, tmp_path / 'theirs.pth')
    with pytest.raises(CheckpointError, match='no skeleton layout here gives'):
        import_file(tmp_path / 'theirs.pth', tmp_path / 'ours.pth', 'pyskl-stgcn')
    assert not (tmp_path / 'ours.pth').exists()


def test_the_tool_converts_both_ways(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ours = learner().state_dict()
    first, theirs, second = (str(tmp_path / name) for name in ('first.pth', 'theirs.pt', 'second.pth'))
    torch.save({'state_dict': ours, 'meta': {'layout': 'nucla'}}, first)
    assert run_tool('convert_checkpoint', first, theirs, '--to', 'hiclr-stgcn') == 2
    assert 'does not say its adjacency' in capsys.readouterr().err
    assert run_tool('convert_checkpoint', first, theirs, '--to', 'hiclr-stgcn', '--adjacency', 'spatial') == 0
    assert run_tool('convert_checkpoint', theirs, second, '--from', 'hiclr-stgcn') == 0
    printed = capsys.readouterr().out
    assert 'left out, since the architecture gives them: encoder_k.A, encoder_q.A' in printed
    assert "build the model with layout='nucla' and, for its backbone, adjacency='spatial'" in printed
    assert_same_tensors(load_file(second)['state_dict'], ours)
    # What was imported says its graph, so that it needs no option on its way back.
    assert run_tool('convert_checkpoint', second, str(tmp_path / 'again.pt'), '--to', 'hiclr-stgcn') == 0
    assert_same_tensors(load_file(tmp_path / 'again.pt'), load_file(theirs))


def test_the_transformer_needs_no_graph(tmp_path: Path) -> None:
    ours = learner(TRANSFORMER).state_dict()
    torch.save({'state_dict': ours}, tmp_path / 'ours.pth')
    assert export_file(tmp_path / 'ours.pth', tmp_path / 'theirs.pt', 'hiclr-dsta').graph is None
    import_file(tmp_path / 'theirs.pt', tmp_path / 'again.pth', 'hiclr-dsta')
    assert_same_tensors(load_file(tmp_path / 'again.pth')['state_dict'], ours)


def test_a_checkpoint_says_the_stream_that_the_tool_is_told(tmp_path: Path) -> None:
    model, theirs = learner(), tmp_path / 'theirs.pt'
    torch.save(to_hiclr_stgcn(model.state_dict(), 'nucla', 'spatial'), theirs)
    for stream in (None, 'joint', 'bone'):
        option = () if stream is None else ('--stream', stream)
        assert run_tool('convert_checkpoint', str(theirs), str(tmp_path / f'{stream}.pth'), *option) == 0
    assert 'stream' not in load_file(tmp_path / 'None.pth')['meta']
    assert load_pretrained(model, tmp_path / 'joint.pth').loaded
    with pytest.raises(CheckpointError, match=r"(?s)another stream.*'bone' in the file, 'joint' in"):
        load_pretrained(model, tmp_path / 'bone.pth')


@pytest.mark.parametrize('convert', [import_file, export_file])
def test_a_target_that_is_the_source_is_refused(tmp_path: Path, convert: Any) -> None:
    (tmp_path / 'a.pth').write_bytes(b'theirs')
    (tmp_path / 'b.pth').symlink_to('a.pth')
    with pytest.raises(ConfigError, match='would replace its source'):
        convert(tmp_path / 'a.pth', tmp_path / 'b.pth', 'hiclr-dsta')
    assert (tmp_path / 'a.pth').read_bytes() == b'theirs'


@pytest.mark.parametrize('convert', [import_file, export_file])
def test_an_unknown_form_names_the_closest(tmp_path: Path, convert: Any) -> None:
    with pytest.raises(ConfigError, match='Closest: hiclr-stgcn'):
        convert(tmp_path / 'a.pth', tmp_path / 'b.pth', 'hiclr-stgc')
