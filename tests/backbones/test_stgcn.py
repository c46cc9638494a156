from __future__ import annotations

import itertools
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from skelreg.backbones.stgcn import STGCN, STGCNBlock
from skelreg.functional import graph_convolution as graph_convolutions
from skelreg.functional.graph_convolution import graph_convolution
from skelreg.graphs import get_layout


def small(**arguments: Any) -> STGCN:
    torch.manual_seed(0)
    return STGCN(**{**dict(hidden_channels=4, out_channels=8, layout='nucla'), **arguments})


def sequences(n: int = 2, t: int = 12, m: int = 2, v: int = 20) -> Tensor:
    return torch.randn(n, 3, t, v, m, generator=torch.Generator().manual_seed(1))


def loop_graph_convolution(x: Tensor, adjacency: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """Channels are mixed for every subset of neighbours, then neighbours are summed, one number at a time."""
    b, _, t, v = x.shape
    subsets = len(adjacency)
    mixed = torch.einsum('oc,bctv->botv', weight[:, :, 0, 0], x) + bias[:, None, None]
    mixed = mixed.view(b, subsets, -1, t, v)
    out = torch.zeros(b, mixed.shape[2], t, v, dtype=x.dtype)
    for k, source, target in itertools.product(range(subsets), range(v), range(v)):
        out[..., target] += mixed[:, k, ..., source] * adjacency[k, source, target]
    return out


def one_graph(x: Tensor, adjacency: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """For x (B, C, T, V), as the loop takes it."""
    return graph_convolution(x.permute(1, 2, 0, 3), adjacency, weight, bias).permute(2, 0, 1, 3)


def one_graph_a_body(x: Tensor, adjacency: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    return one_graph(x, adjacency.expand(len(x), -1, -1, -1), weight, bias)


CONVOLUTIONS = pytest.mark.parametrize('convolve', [one_graph, one_graph_a_body])


@pytest.fixture(params=['products of a CPU', 'products of other devices'], autouse=True)
def _products(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == 'products of other devices':
        monkeypatch.setattr(graph_convolutions, 'on_cpu', lambda x: False)


@CONVOLUTIONS
@pytest.mark.parametrize(('subsets', 'channels_in', 'channels_out'), [(3, 2, 5), (1, 4, 2)])
def test_graph_convolution_agrees_with_the_loop(
    convolve: Any, subsets: int, channels_in: int, channels_out: int
) -> None:
    generator = torch.Generator().manual_seed(0)

    def noise(*shape: int) -> Tensor:
        return torch.randn(shape, dtype=torch.float64, generator=generator)

    x, adjacency = noise(2, channels_in, 3, 6), noise(subsets, 6, 6)
    weight, bias = noise(subsets * channels_out, channels_in, 1, 1), noise(subsets * channels_out)
    expected = loop_graph_convolution(x, adjacency, weight, bias)
    torch.testing.assert_close(convolve(x, adjacency, weight, bias), expected)
    torch.testing.assert_close(
        convolve(x, adjacency, weight, None),
        loop_graph_convolution(x, adjacency, weight, torch.zeros_like(bias)),
    )


@CONVOLUTIONS
@pytest.mark.parametrize('batch', [2, 7])  # rows that can be summed in 16 parts, and in 12
def test_graph_convolution_has_the_gradients_of_the_loop(convolve: Any, batch: int) -> None:
    generator = torch.Generator().manual_seed(0)
    shapes = [(batch, 2, 6, 4), (3, 4, 4), (9, 2, 1, 1), (9,)]
    parts = [torch.randn(s, dtype=torch.float64, generator=generator).requires_grad_() for s in shapes]
    found = torch.autograd.grad(convolve(*parts).square().sum(), parts)
    expected = torch.autograd.grad(loop_graph_convolution(*parts).square().sum(), parts)
    torch.testing.assert_close(found, expected)


def test_graph_convolution_has_no_gradient_for_what_needs_none() -> None:
    x, adjacency, weight = torch.randn(2, 3, 4, 5), torch.rand(2, 5, 5), torch.randn(12, 2, 1, 1)
    y = graph_convolution(x, adjacency, weight.requires_grad_(), None)
    assert torch.autograd.grad(y.sum(), weight)[0].abs().sum() > 0


def test_graph_convolution_computes_in_the_precision_of_autocast() -> None:
    x, adjacency, weight = torch.randn(2, 3, 4, 5), torch.rand(2, 5, 5), torch.randn(12, 2, 1, 1)
    parts = [part.requires_grad_() for part in (x, adjacency, weight, torch.randn(12))]
    expected = graph_convolution(*parts)
    with torch.autocast('cpu', dtype=torch.bfloat16):
        y = graph_convolution(*parts)
    assert y.dtype == torch.bfloat16
    torch.testing.assert_close(y.float(), expected, rtol=0.05, atol=0.1)
    wanted = torch.autograd.grad(expected.sum(), parts)
    for found, gradient in zip(torch.autograd.grad(y.float().sum(), parts), wanted, strict=True):
        assert found.dtype == torch.float32
        assert (found - gradient).norm() < 0.02 * gradient.norm()


@pytest.mark.parametrize('stride', [1, 2])
@pytest.mark.parametrize('frames', [1, 5, 8])
def test_a_block_strides_over_frames_only(stride: int, frames: int) -> None:
    block = STGCNBlock(3, 6, stride, 0.0, residual=True, adjacency_shape=(2, 5), edge_importance=True)
    y = block(torch.randn(3, frames, 2, 5), torch.rand(2, 5, 5))
    assert y.shape == (6, -(-frames // stride), 2, 5)


def test_edge_importance_multiplies_the_adjacency() -> None:
    block = STGCNBlock(3, 6, 1, 0.0, residual=False, adjacency_shape=(2, 5), edge_importance=True).eval()
    x, adjacency, factors = torch.randn(3, 4, 2, 5), torch.rand(2, 5, 5), torch.rand(2, 5, 5)
    plain = block(x, adjacency * factors)
    nn.init.ones_(block.edge_importance).data.mul_(factors)
    torch.testing.assert_close(block(x, adjacency), plain)


def test_edge_importance_can_be_left_out() -> None:
    names = [name for name, _ in small(edge_importance=False).named_parameters()]
    assert not any('edge_importance' in name for name in names)


@pytest.mark.parametrize('t', [1, 2, 3, 7, 50])
def test_any_number_of_frames_is_taken(t: int) -> None:
    features = small().eval()(sequences(t=t))
    half = -(-t // 2)
    assert features.pooled.shape == (2, 8)
    assert features.map.shape == (2, 8, -(-half // 2), 20, 2)


@pytest.mark.parametrize('layout', ['ntu_rgbd', 'nucla'])
@pytest.mark.parametrize('strategy', ['spatial', 'release_spatial', 'inward_outward', 'uniform', 'distance'])
def test_every_layout_and_partition_is_taken(layout: str, strategy: str) -> None:
    backbone = small(layout=layout, adjacency=strategy).eval()
    assert backbone.num_joints == get_layout(layout).num_joints
    assert backbone(sequences(v=backbone.num_joints)).pooled.shape == (2, 8)


def test_pooled_is_the_mean_of_the_map() -> None:
    features = small().eval()(sequences())
    torch.testing.assert_close(features.pooled, features.map.mean(dim=(2, 3, 4)))


def test_the_order_of_bodies_does_not_matter() -> None:
    backbone, x = small().eval(), sequences()
    torch.testing.assert_close(backbone(x).pooled, backbone(x.flip(-1)).pooled)


def test_an_absent_body_takes_part_in_the_mean_as_in_the_release() -> None:
    backbone, x = small().eval(), sequences(m=1)
    absent = torch.zeros_like(x)
    alone, nobody = backbone(x).pooled, backbone(absent).pooled
    torch.testing.assert_close(backbone(torch.cat([x, absent], dim=-1)).pooled, (alone + nobody) / 2)


def test_the_first_block_drops_nothing() -> None:
    assert [block.dropout for block in small(dropout=0.3).blocks] == [0.0, *[0.3] * 9]


def test_the_release_has_its_widths() -> None:
    blocks = STGCN().blocks
    widths = [(block.temporal_conv.in_channels, block.temporal_conv.stride[0]) for block in blocks]
    assert widths == [(16, 1)] * 4 + [(32, 2), (32, 1), (32, 1), (64, 2), (64, 1), (256, 1)]


@pytest.mark.parametrize('shape', [(2, 3, 8, 25, 1), (2, 2, 8, 20, 1)])
def test_input_of_another_layout_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r'3 channels and 20 joints \(nucla\)'):
        small()(torch.zeros(shape))


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        (dict(hidden_channels=0), 'channels must be >= 1'),
        (dict(dropout=1.0), 'dropout'),
        (dict(layout='kinect'), "layout 'kinect'"),
        (dict(adjacency='ring'), 'ring'),
    ],
)
def test_bad_arguments_are_refused(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        small(**arguments)


def two_ways(x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Pooled features of one network in eval mode, absent bodies encoded and skipped."""
    torch.manual_seed(0)
    net = STGCN('nucla', hidden_channels=4, out_channels=8, absent_bodies='encode').eval()
    encoded = net(x).pooled
    net.absent_bodies = 'skip'
    return encoded, net(x).pooled


def test_skipping_absent_bodies_changes_nothing_where_none_is_absent() -> None:
    encoded, skipped = two_ways(torch.randn(3, 3, 9, 20, 2))
    torch.testing.assert_close(encoded, skipped)


def test_a_skipped_body_counts_as_if_it_had_never_been_in_the_batch() -> None:
    x = torch.randn(3, 3, 9, 20, 2)
    x[..., 1] = 0
    encoded, skipped = two_ways(x)
    torch.testing.assert_close(skipped, two_ways(x[..., :1])[0])
    assert not torch.allclose(encoded, skipped)


def test_shapes_can_be_asked_for_without_numbers() -> None:
    backbone, x = small().to('meta'), sequences().to('meta')
    features = backbone(x)
    assert features.pooled.shape == (2, 8) and features.pooled.device.type == 'meta'


def test_float64_is_left_alone_by_autocast() -> None:
    backbone, x = small().double().eval(), sequences().double()
    with torch.autocast('cpu', dtype=torch.bfloat16):
        found = backbone(x).pooled
    torch.testing.assert_close(found, backbone(x).pooled)
