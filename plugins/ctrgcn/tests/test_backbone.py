"""CTR-GCN against its formulas, written out joint by joint, and its configs on synthetic data."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from skelreg import tasks
from skelreg.graphs import get_layout
from skelreg.runner import load_config
from skelreg.testing import check_backbone
from skelreg_ctrgcn.backbone import CTRGCN, MultiScaleTemporalConvolution, RefinedGraphConvolution

CONFIGS = sorted((Path(__file__).parents[1] / 'configs').glob('*/*.py'))


def test_it_keeps_the_contract_of_backbones_for_another_layout() -> None:
    cfg = dict(type='CTRGCN', hidden_channels=4, out_channels=8, reduction=4, graph_scale=1.0)
    check_backbone(cfg, layout='nucla', num_frames=(6,))


def random_(module: nn.Module) -> nn.Module:
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.normal_()
    return module


def linear(conv: nn.Conv2d, x: Tensor, first: int = 0, last: int | None = None) -> Tensor:
    """Some outputs of a 1 x 1 convolution for one vector x (C)."""
    return (conv.weight[:, :, 0, 0] @ x + conv.bias)[first:last]


def slow_graph_convolution(module: RefinedGraphConvolution, x: Tensor, topology: Tensor) -> Tensor:
    """Eq. of CTR-GC for x (C, T, V) and topology (K, V, V), before norm and residual: (C_out, T, V)."""
    (k, v, _), (_, t, _) = topology.shape, x.shape
    r, c = module.giving.out_channels // k, module.norm.num_features
    y = torch.zeros(c, t, v)
    for subset in range(k):
        for w in range(v):
            for u in range(v):
                of_w = linear(module.receiving, x[:, :, w].mean(1), subset * r, (subset + 1) * r)
                of_u = linear(module.giving, x[:, :, u].mean(1), subset * r, (subset + 1) * r)
                own = slice(subset * c, (subset + 1) * c)
                weight, bias = module.relation.weight[own, :, 0, 0], module.relation.bias[own]
                edge = topology[subset, u, w] + module.alpha * (weight @ torch.tanh(of_w - of_u) + bias)
                for frame in range(t):
                    value = linear(module.value, x[:, frame, u], subset * c, (subset + 1) * c)
                    y[:, frame, w] += edge * value
    return y


@pytest.mark.parametrize('channels', [(3, 4), (4, 4)])
def test_graph_convolution_is_that_of_the_paper(channels: tuple[int, int]) -> None:
    torch.manual_seed(0)
    module = random_(RefinedGraphConvolution(*channels, torch.rand(3, 5, 5), relations=2)).eval()
    x = torch.randn(2, channels[0], 3, 5)
    with torch.no_grad():
        expected = torch.stack([slow_graph_convolution(module, row, module.topology) for row in x])
        expected = torch.relu(module.norm(expected) + module.residual(x))
        torch.testing.assert_close(module(x, module.topology[None]), expected, rtol=1e-4, atol=1e-4)


def test_joints_receive_along_the_bones_as_the_authors_have_it() -> None:
    layout, topology = get_layout('nucla'), CTRGCN('nucla', hidden_channels=8).blocks[0].graph.topology
    child, parent = layout.edges[0]
    itself, inward, outward = topology.detach()
    assert torch.equal(itself, torch.eye(20))
    assert inward[child, parent] > 0 and inward[parent, child] == 0
    assert outward[parent, child] > 0 and outward[child, parent] == 0


@pytest.mark.parametrize('num_frames', [1, 7, 8])
@pytest.mark.parametrize('stride', [1, 2])
def test_temporal_branches_see_the_frames_they_should(num_frames: int, stride: int) -> None:
    """The gradient of an output frame reaches the frames of its window and no other."""
    torch.manual_seed(0)
    module = MultiScaleTemporalConvolution(16, stride).eval()
    x = torch.randn(1, 16, num_frames, 2, requires_grad=True)
    y = module(x)
    frame = (num_frames - 1) // stride // 2
    reach = {0: (-2, 0, 2, -1, 1), 1: (-4, -2, 0, 2, 4), 2: (-1, 0, 1), 3: (0,)}
    for branch, offsets in reach.items():
        own = y[0, 4 * branch : 4 * (branch + 1), frame].sum()
        [gradient] = torch.autograd.grad(own, x, retain_graph=True)
        seen = set(gradient.abs().sum(dim=(0, 1, 3)).nonzero().flatten().tolist())
        window = {frame * stride + offset for offset in offsets} & set(range(num_frames))
        assert seen <= window and (seen == window or branch == 2)


def test_a_block_begins_as_its_residual_connection() -> None:
    torch.manual_seed(0)
    graph = CTRGCN('nucla', hidden_channels=8).blocks[1].graph
    x = torch.randn(4, 8, 6, 20).relu()
    torch.testing.assert_close(graph(x, graph.topology[None]), x, rtol=0, atol=1e-4)


def test_parameters_at_the_width_of_the_paper_are_those_of_the_authors() -> None:
    parameters = sum(p.numel() for p in CTRGCN('ntu_rgbd').parameters())
    # The authors' model has 1,446,672 with its classifier of 60 classes (256 * 60 + 60) and batch norm for
    # two bodies (2 * 75 more).
    assert parameters == 1_446_672 - 15_420 - 150


@pytest.mark.parametrize(
    'wrong', [dict(hidden_channels=6), dict(out_channels=2), dict(reduction=0), dict(reduction=65)]
)
def test_impossible_widths_are_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        CTRGCN(**wrong)


def test_skeletons_of_another_layout_are_refused() -> None:
    with pytest.raises(ValueError, match='20 joints'):
        CTRGCN('nucla', hidden_channels=8)(torch.zeros(1, 3, 4, 25, 1))


@pytest.mark.parametrize('path', CONFIGS, ids=lambda path: f'{path.parent.name}/{path.stem}')
def test_config_trains_on_synthetic_data(path: Path, tmp_path: Path) -> None:
    options = {
        'train_dataloader.batch_size': 4, 'train_dataloader.dataset.num_frames': 8,
        'model.backbone.hidden_channels': 8, 'model.backbone.out_channels': 8, 'train_cfg.max_epochs': 1,
    }
    if load_config(path).model.get('queue') is not None:
        options['model.queue.size'] = 8
    # ASSL's neighbourhoods want more unlabelled sequences than the others need in all.
    cfg = load_config(path, options, synthetic=48 if path.parent.name == 'assl' else 16)
    assert tasks.train(cfg, tmp_path).is_file()
