from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from skelreg.backbones.transformer import AttentionHalf, Transformer, TransformerBlock
from tests.reference import attention as loops

BLOCKS = [(4, 2, 1), (6, 2, 2), (8, 3, 1)]


def small(**arguments: Any) -> Transformer:
    torch.manual_seed(0)
    return Transformer(**{**dict(stem_channels=4, blocks=BLOCKS, layout='nucla'), **arguments})


def sequences(n: int = 2, t: int = 6, m: int = 2, v: int = 20) -> Tensor:
    return torch.randn(n, 3, t, v, m, generator=torch.Generator().manual_seed(1))


def half(start: Tensor | None = None, **arguments: Any) -> AttentionHalf:
    torch.manual_seed(0)
    made = AttentionHalf(**{**dict(in_channels=2, out_channels=3, query_channels=2, subsets=2), **arguments},
                         projects=True, start=start)
    return made.double().eval()


def test_attention_half_agrees_with_the_loop() -> None:
    made = half(start=torch.rand(4, 4))
    nn.init.uniform_(made.strength, 0.5, 2)
    x = torch.randn(2, 2, 3, 4, dtype=torch.float64)  # (B, C, R, L)

    def layer(module: nn.Sequential, x: Tensor) -> Tensor:
        mixed = torch.einsum('oc,bcrl->borl', module[0].weight[:, :, 0, 0], x) + module[0].bias[:, None, None]
        return module[1](mixed)

    encoding = torch.tensor([[loops.position(c, i, 2) for i in range(4)] for c in range(2)])
    query_key = torch.einsum('oc,bcrl->borl', made.query_key.weight[:, :, 0, 0], x + encoding[:, None])
    query_key = query_key + made.query_key.bias[:, None, None]
    attention = loops.maps(query_key, 2) * made.strength + made.shared
    linear = made.mix[0]
    y = loops.attended(x, attention, linear.weight[:, :, 0, 0], linear.bias)
    y = nn.functional.leaky_relu(made.mix[1](y) + layer(made.inner_skip, x), 0.1)
    y = nn.functional.leaky_relu(layer(made.feed, y) + layer(made.skip, x), 0.1)
    torch.testing.assert_close(made(x.permute(1, 2, 0, 3)), y.permute(1, 2, 0, 3))


def test_release_has_its_widths_and_size() -> None:
    encoder = Transformer()
    projector = 256 * 256 + 256 + 256 * 128 + 128
    assert sum(p.numel() for p in encoder.parameters()) + projector == 1_645_168
    rows = [(b.spatial.query_key.out_channels // 6, b.temporal.mix[0].stride[0]) for b in encoder.blocks]
    assert rows == [(16, 1), (16, 1), (16, 2), (16, 1), (32, 2), (32, 1), (32, 1), (32, 1)]


@pytest.mark.parametrize('temporal_attention', [False, True])
@pytest.mark.parametrize('t', [1, 2, 7, 70])
def test_any_number_of_frames_is_taken(t: int, temporal_attention: bool) -> None:
    num_frames = 7 if temporal_attention else None
    encoder = small(temporal_attention=temporal_attention, num_frames=num_frames)
    features = encoder.eval()(sequences(t=t))
    assert features.pooled.shape == (2, 8)
    assert features.map.shape == (2, 8, -(-t // 2), 20, 2)


@pytest.mark.parametrize('layout', ['ntu_rgbd', 'nucla'])
def test_every_layout_is_taken(layout: str) -> None:
    encoder = small(layout=layout).eval()
    assert encoder(sequences(v=encoder.num_joints)).pooled.shape == (2, 8)


def test_pooled_is_the_mean_of_the_map() -> None:
    features = small().eval()(sequences())
    torch.testing.assert_close(features.pooled, features.map.mean(dim=(2, 3, 4)))


def test_the_order_of_bodies_does_not_matter() -> None:
    encoder, x = small().eval(), sequences()
    torch.testing.assert_close(encoder(x).pooled, encoder(x.flip(-1)).pooled)


def test_an_absent_body_takes_part_in_the_mean_as_in_the_release() -> None:
    encoder, x = small().eval(), sequences(m=1)
    absent = torch.zeros_like(x)
    alone, nobody = encoder(x).pooled, encoder(absent).pooled
    torch.testing.assert_close(encoder(torch.cat([x, absent], dim=-1)).pooled, (alone + nobody) / 2)


def test_joints_are_told_apart_by_their_position() -> None:
    encoder, order = small().eval(), torch.randperm(20, generator=torch.Generator().manual_seed(0))
    x = sequences()
    assert not torch.allclose(encoder(x).pooled, encoder(x[:, :, :, order]).pooled, atol=1e-4)


@pytest.mark.parametrize('num_frames', [None, 6])
def test_edges_perturb_every_map(num_frames: int | None) -> None:
    encoder, shapes = small(temporal_attention=True, num_frames=num_frames).eval(), []

    def note(graph: Tensor) -> Tensor:
        shapes.append(tuple(graph.shape))
        return graph

    encoder(sequences(), edges=note)
    assert shapes == [
        (4, 3, 20, 20), (4, 3, 6, 6), (4, 3, 20, 20), (4, 3, 6, 6), (4, 3, 20, 20), (4, 3, 3, 3)
    ]


def test_edges_meet_the_map_that_all_sequences_share() -> None:
    """With no strength of its own, the attention handed out is the learned map alone."""
    encoder, seen = small().eval(), []
    for block in encoder.blocks:
        nn.init.zeros_(block.spatial.strength)
    encoder(sequences(), edges=lambda graph: seen.append(graph) or graph)
    for graph in seen:
        torch.testing.assert_close(graph, torch.full((4, 3, 20, 20), 1 / 20))


def test_skip_dropout_leaves_the_other_path() -> None:
    torch.manual_seed(0)
    block = TransformerBlock(2, 2, 2, 1, 2, 5, temporal_attention=False, num_frames=None, skip_dropout=0.5)
    for norm in (m for m in block.modules() if isinstance(m, nn.BatchNorm2d)):
        norm.eval()
    x = torch.randn(2, 4, 1, 5)
    y = block.spatial(x)
    kept = nn.functional.leaky_relu(block.temporal.mix(y) + 2 * y, 0.1)
    dropped = nn.functional.leaky_relu(block.temporal.mix(y), 0.1)
    found = block(x)
    is_kept, is_dropped = (torch.isclose(found, other) for other in (kept, dropped))
    assert (is_kept | is_dropped).all() and is_kept.any() and is_dropped.any()


def test_pooled_dropout_is_off_by_default_and_in_eval() -> None:
    x = sequences()
    assert (small(skip_dropout=0.0).train()(x).pooled != 0).all()
    assert (small(skip_dropout=0.0, dropout=0.5).train()(x).pooled == 0).any()
    torch.testing.assert_close(small(dropout=0.5).eval()(x).pooled, small().eval()(x).pooled)


@pytest.mark.parametrize('t', [3, 9])
def test_learned_map_of_frames_is_cut_or_goes_on_with_the_identity(t: int) -> None:
    made = half(start=torch.eye(6), subsets=1)
    nn.init.zeros_(made.strength)
    nn.init.uniform_(made.shared)
    expected = torch.eye(t, dtype=torch.float64)
    size = min(t, 6)
    expected[:size, :size] = made.shared[0, 0, :size, :size]
    torch.testing.assert_close(made.attention(torch.randn(2, 1, 1, t).double())[0, 0], expected)


def test_input_of_another_layout_is_refused() -> None:
    with pytest.raises(ValueError, match=r'3 channels and 20 joints \(nucla\)'):
        small()(torch.zeros(2, 3, 8, 25, 1))


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        (dict(blocks=[]), 'blocks must be rows'),
        (dict(blocks=[(4, 2)]), 'blocks must be rows'),
        (dict(blocks=[(4, 2, 0)]), 'blocks must be rows'),
        (dict(subsets=0), 'subsets must be >= 1'),
        (dict(skip_dropout=1.0), 'skip_dropout must be in'),
        (dict(dropout=-0.1), 'dropout must be in'),
        (dict(num_frames=50), 'set temporal_attention=True'),
        (dict(num_frames=0, temporal_attention=True), 'num_frames=0'),
    ],
)
def test_bad_arguments_are_refused(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        small(**arguments)
