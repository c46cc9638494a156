from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from skelreg.functional.recurrence import gru_layer

FRAMES, BATCH, WIDTH_IN, WIDTH = 5, 3, 4, 6


def layer_and_input(frames: int = FRAMES) -> tuple[nn.GRU, Tensor]:
    torch.manual_seed(0)
    layer = nn.GRU(WIDTH_IN, WIDTH, bidirectional=True).double()
    return layer, torch.randn(frames, BATCH, WIDTH_IN, dtype=torch.float64, requires_grad=True)


def both_directions(layer: nn.GRU, x: Tensor) -> Tensor:
    forwards, backwards = layer.all_weights
    return torch.cat([gru_layer(x, *forwards), gru_layer(x, *backwards, reverse=True)], dim=2)


@pytest.mark.parametrize('frames', [1, 2, FRAMES])
def test_states_are_those_of_torch(frames: int) -> None:
    layer, x = layer_and_input(frames)
    torch.testing.assert_close(both_directions(layer, x), layer(x)[0])


def test_gradients_are_those_of_torch() -> None:
    layer, x = layer_and_input()
    weights = torch.randn(FRAMES, BATCH, 2 * WIDTH, dtype=torch.float64)
    leaves = [x, *layer.parameters()]
    expected = torch.autograd.grad((layer(x)[0] * weights).sum(), leaves)
    found = torch.autograd.grad((both_directions(layer, x) * weights).sum(), leaves)
    torch.testing.assert_close(found, expected)


def test_gradient_of_the_last_state_alone_reaches_the_first_frame() -> None:
    layer, x = layer_and_input()
    gru_layer(x, *layer.all_weights[0])[-1].sum().backward()
    assert (x.grad[0] != 0).all()


def test_a_closed_form_of_one_frame() -> None:
    x, ones = torch.full((1, 1, 1), 2.0), torch.ones(3, 1)
    state = gru_layer(x, ones, ones, torch.zeros(3), torch.zeros(3))
    # The state before is zero: (1 - sigmoid(2)) tanh(2).
    torch.testing.assert_close(state, ((1 - x.sigmoid()) * x.tanh()))


def test_mixed_precision_leaves_the_recurrence_exact() -> None:
    layer, x = layer_and_input()
    layer, x = layer.float(), x.detach().float()
    with torch.autocast('cpu', dtype=torch.bfloat16):
        found = both_directions(layer, x)
    torch.testing.assert_close(found, both_directions(layer, x))
