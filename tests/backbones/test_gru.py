from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from skelreg.backbones.gru import GRU
from skelreg.testing import check_backbone

LAYOUT, JOINTS = 'nucla', 20


def small(**arguments: Any) -> GRU:
    torch.manual_seed(0)
    return GRU(**{**dict(layout=LAYOUT, hidden_channels=5, num_layers=2), **arguments})


def sequences(n: int = 3, t: int = 6, m: int = 2) -> Tensor:
    return torch.randn(n, 3, t, JOINTS, m, generator=torch.Generator().manual_seed(1))


def torch_states(encoder: GRU, frames: Tensor) -> tuple[Tensor, Tensor]:
    """All states (B, T, D) and the final ones (B, D) of torch's stacked GRU with the encoder's weights."""
    directions = 2 if encoder.layers[0].bidirectional else 1
    stacked = nn.GRU(
        frames.shape[2], encoder.hidden_channels, len(encoder.layers),
        bidirectional=directions == 2, batch_first=True,
    )
    names = [name for name, _ in encoder.layers[0].named_parameters()]
    stacked.load_state_dict(
        {
            name.replace('l0', f'l{i}'): layer.get_parameter(name)
            for i, layer in enumerate(encoder.layers)
            for name in names
        }
    )
    states, final = stacked(frames)
    return states, final[-directions:].transpose(0, 1).flatten(1)


@pytest.mark.parametrize('bidirectional', [True, False])
def test_concatenated_bodies_agree_with_torch(bidirectional: bool) -> None:
    encoder, x = small(bidirectional=bidirectional).eval(), sequences()
    rows = [[x[n, :, t].permute(2, 1, 0).flatten() for t in range(6)] for n in range(3)]
    frames = torch.stack([torch.stack(row) for row in rows])  # (N, T, M * V * C)
    states, final = torch_states(encoder, encoder.input_norm(frames.transpose(1, 2)).transpose(1, 2))
    features = encoder(x)
    torch.testing.assert_close(features.pooled, final)
    torch.testing.assert_close(features.map[:, :, :, 0, 1], states.transpose(1, 2))


def test_pooling_mean_averages_the_states() -> None:
    features = small(pooling='mean').eval()(sequences())
    torch.testing.assert_close(features.pooled, features.map.mean(dim=(2, 3, 4)))


def test_last_states_have_read_the_whole_clip() -> None:
    encoder, x = small().eval(), sequences().requires_grad_()
    pooled = encoder(x).pooled
    for half in pooled.split(5, dim=1):
        (gradient,) = torch.autograd.grad(half.sum(), x, retain_graph=True)
        assert (gradient.abs().amax(dim=(1, 3, 4)) > 0).all()


@pytest.mark.parametrize('bodies', ['concatenate', 'mean'])
@pytest.mark.parametrize('t', [1, 2, 70])
@pytest.mark.parametrize('m', [1, 2])
def test_any_number_of_frames_and_bodies_is_taken(t: int, m: int, bodies: Any) -> None:
    features = small(bodies=bodies).eval()(sequences(t=t, m=m))
    assert features.pooled.shape == (3, 10) and features.map.shape == (3, 10, t, 1, m)


def test_a_missing_body_is_an_absent_one() -> None:
    encoder, x = small().eval(), sequences(m=1)
    padded = torch.cat([x, torch.zeros_like(x)], dim=-1)
    torch.testing.assert_close(encoder(x).pooled, encoder(padded).pooled)


def test_mean_leaves_absent_bodies_out() -> None:
    encoder, x = small(bodies='mean').eval(), sequences()
    x[0, ..., 1] = 0
    features = encoder(x)
    each = [encoder(x[..., [body]]).pooled for body in (0, 1)]
    torch.testing.assert_close(features.pooled[0], each[0][0])
    torch.testing.assert_close(features.pooled[1:], (each[0] + each[1])[1:] / 2)
    assert (features.map[0, ..., 1] == 0).all() and (features.map[0, ..., 0] != 0).all()


def test_mean_gives_a_sequence_without_any_body_zeros() -> None:
    encoder, x = small(bodies='mean').eval(), sequences()
    others = encoder(x[1:]).pooled
    x[0] = 0
    pooled = encoder(x).pooled
    assert (pooled[0] == 0).all()
    torch.testing.assert_close(pooled[1:], others)


def test_batch_norm_of_mean_sees_only_bodies_that_are_there() -> None:
    x = sequences()
    x[..., 1] = 0
    norms = []
    for clip in (x, x[..., :1]):
        encoder = small(bodies='mean').train()
        encoder(clip)
        norms.append(encoder.input_norm.running_var)
    torch.testing.assert_close(*norms)


def test_dropout_lies_between_layers_only() -> None:
    x, plain = sequences(), small().train()
    torch.testing.assert_close(small(num_layers=1, dropout=0.9).train()(x).pooled,
                               small(num_layers=1).train()(x).pooled)
    assert not torch.allclose(small(dropout=0.5).train()(x).pooled, plain(x).pooled)


def test_one_body_after_the_other_keeps_the_contract() -> None:
    check_backbone(dict(type=GRU, hidden_channels=4, num_layers=1, bodies='mean'), layout=LAYOUT)


def test_default_is_the_encoder_of_cmd() -> None:
    encoder = GRU()
    sizes = [(layer.input_size, layer.hidden_size, layer.bidirectional) for layer in encoder.layers]
    assert sizes == [(150, 1024, True), (2048, 1024, True), (2048, 1024, True)]
    assert encoder.input_norm.num_features == 150 and encoder.out_channels == 2048


@pytest.mark.parametrize(('shape', 'message'), [
    ((2, 3, 8, 25, 1), r'3 channels and 20 joints \(nucla\)'),
    ((2, 3, 8, 20, 3), 'raise max_bodies'),
])
def test_input_that_does_not_fit_is_refused(shape: tuple[int, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        small()(torch.zeros(shape))


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        (dict(hidden_channels=0), 'sizes must be >= 1'),
        (dict(num_layers=0), 'sizes must be >= 1'),
        (dict(dropout=1.0), 'dropout must be in'),
        (dict(bodies='first'), "'concatenate' or 'mean', got 'first'"),
        (dict(pooling='max'), "'last' or 'mean', got 'max'"),
    ],
)
def test_bad_arguments_are_refused(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        small(**arguments)
