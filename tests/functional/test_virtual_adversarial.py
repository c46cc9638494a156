from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from skelreg.functional.virtual_adversarial import adversarial_direction, unit_rows
from tests.reference import semi_supervised as reference

SHAPE = (2, 3, 2, 1)  # C, T, V, M


def network() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Flatten(), nn.Linear(12, 6), nn.Tanh(), nn.Linear(6, 3)).double()


@pytest.mark.parametrize('iterations', [1, 2, 4])
def test_direction_agrees_with_the_loop(iterations: int) -> None:
    net, x, start = network(), torch.randn(3, *SHAPE).double(), torch.randn(3, *SHAPE).double()

    def predict(one: np.ndarray) -> list[float]:
        return net(torch.from_numpy(one)[None])[0].tolist()

    found = adversarial_direction(net, x, net(x), start, 0.1, iterations)
    for row, sequence, first in zip(found, x, start, strict=True):
        expected = reference.adversarial_direction(predict, sequence.numpy(), first.numpy(), 0.1, iterations)
        np.testing.assert_allclose(row.numpy(), expected, atol=2e-3)


def test_power_iteration_finds_the_steepest_direction_of_a_known_hessian() -> None:
    """Logits (w x, 0): KL's Hessian is p (1 - p) w w^T, so that the direction is that of w."""
    w = torch.tensor([3.0, 0.0, -4.0], dtype=torch.float64)

    def predict(x: Tensor) -> Tensor:
        return torch.stack([x.flatten(1) @ w, torch.zeros(len(x), dtype=x.dtype)], dim=1)

    x = torch.randn(5, 1, 3, 1, 1).double()
    found = adversarial_direction(predict, x, predict(x), torch.randn_like(x), 1e-3).flatten(1)
    torch.testing.assert_close((found @ w).abs(), torch.full((5,), 5.0).double(), rtol=1e-3, atol=0)


def test_absent_joints_are_not_moved_and_the_rest_has_length_one() -> None:
    net, x = network().float(), torch.randn(4, *SHAPE)
    start = torch.randn_like(x)
    start[:, :, 1] = 0
    found = adversarial_direction(net, x, net(x), start, 0.1)
    assert not found[:, :, 1].any()
    torch.testing.assert_close(found.flatten(1).norm(dim=1), torch.ones(4))


def test_an_empty_sequence_stays_empty() -> None:
    assert not unit_rows(torch.zeros(2, *SHAPE)).any()


def test_no_gradient_of_the_weights_is_left_behind() -> None:
    net, x = network().float(), torch.randn(4, *SHAPE)
    found = adversarial_direction(net, x, net(x), torch.randn_like(x), 0.1)
    assert not found.requires_grad and all(parameter.grad is None for parameter in net.parameters())
