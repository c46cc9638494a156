from __future__ import annotations

import pytest
import torch
from torch import Tensor

from skelreg.functional.redundancy import (
    correlation_losses,
    covariance_penalty,
    cross_correlation,
    variance_hinge,
)
from tests.reference import redundancy as reference

N, D = 7, 4


def rows(seed: int) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(N, D, dtype=torch.float64, generator=generator) @ torch.randn(
        D, D, dtype=torch.float64, generator=generator
    )


def test_cross_correlation_agrees_with_the_loop() -> None:
    first, second = rows(0), rows(1)
    expected = torch.tensor(reference.cross_correlation(first.tolist(), second.tolist()))
    torch.testing.assert_close(cross_correlation(first, second), expected, rtol=1e-4, atol=1e-5)


def test_correlation_losses_agree_with_the_loop() -> None:
    first, second = rows(0), rows(1)
    found = [loss.item() for loss in correlation_losses(cross_correlation(first, second))]
    assert found == pytest.approx(reference.barlow_twins(first.tolist(), second.tolist()), rel=1e-4)


def test_alike_views_of_independent_dimensions_cost_nothing() -> None:
    q, _ = torch.linalg.qr(torch.cat([torch.ones(N, 1), torch.randn(N, D)], dim=1))
    z = q[:, 1:]  # orthogonal to each other and to the ones: centred and without correlation
    for loss in correlation_losses(cross_correlation(z, z, eps=0.0)):
        assert loss.item() == pytest.approx(0, abs=1e-5)


def test_correlation_forgets_place_and_scale() -> None:
    first, second = rows(0), rows(1)
    moved = cross_correlation(100 + 50 * first, 30 * second - 7)
    torch.testing.assert_close(moved, cross_correlation(first, second), rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize('least', [0.5, 1.0, 3.0])
def test_variance_hinge_agrees_with_the_loop(least: float) -> None:
    x = rows(2)
    expected = reference.variance_hinge(x.tolist(), least)
    assert variance_hinge(x, least).item() == pytest.approx(expected, rel=1e-5, abs=1e-7)


def test_collapsed_dimensions_pull_with_a_finite_gradient() -> None:
    x = torch.zeros(N, D, requires_grad=True)
    loss = variance_hinge(x)
    loss.backward()
    assert loss.item() == pytest.approx(0.99) and torch.isfinite(x.grad).all()


def test_covariance_penalty_agrees_with_the_loop() -> None:
    x = rows(3)
    expected = reference.covariance_penalty(x.tolist())
    assert covariance_penalty(x).item() == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize('measure', [variance_hinge, covariance_penalty, lambda x: cross_correlation(x, x)])
def test_one_sequence_has_no_statistics(measure) -> None:
    with pytest.raises(ValueError, match='at least 2 sequences, got 1'):
        measure(torch.randn(1, D))
