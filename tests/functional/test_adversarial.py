from __future__ import annotations

import pytest
import torch

from skelreg.functional.adversarial import domain_loss, reverse_gradient
from tests.reference import semi_supervised as reference


def test_domain_loss_agrees_with_the_loop() -> None:
    first, second = torch.randn(5), torch.randn(3)
    expected = reference.domain_loss(first.tolist(), second.tolist())
    assert domain_loss(first, second).item() == pytest.approx(expected, rel=1e-5)


def test_domain_loss_is_finite_for_a_discriminator_that_is_certain_and_wrong() -> None:
    assert domain_loss(torch.tensor([-1000.0]), torch.tensor([1000.0])).item() == 2000


def test_a_domain_without_a_row_costs_nothing() -> None:
    assert domain_loss(torch.zeros(0), torch.zeros(0)).item() == 0


@pytest.mark.parametrize('strength', [0.0, 0.3, 1.0, 5.0])
def test_reversal_is_minus_the_strength_times_the_gradient(strength: float) -> None:
    x = torch.randn(4, 3, requires_grad=True)
    weights = torch.randn(4, 3)
    (plain,) = torch.autograd.grad((x.tanh() * weights).sum(), x)
    (turned,) = torch.autograd.grad((reverse_gradient(x, strength).tanh() * weights).sum(), x)
    torch.testing.assert_close(turned, -strength * plain)


def test_reversal_leaves_the_values_alone() -> None:
    x = torch.randn(4, 3)
    assert torch.equal(reverse_gradient(x, 2.0), x)
