from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from skelreg.functional import consistency
from tests.reference import semi_supervised as reference

N, CLASSES = 7, 5


def logits(seed: int, scale: float = 2.0) -> Tensor:
    return scale * torch.randn(N, CLASSES, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize('scale', [0.1, 2.0, 10.0])
@pytest.mark.parametrize('name', ['kl', 'squared_difference'])
def test_disagreement_agrees_with_the_loop(name: str, scale: float) -> None:
    function: Callable[[Tensor, Tensor], Tensor] = getattr(
        consistency, {'kl': 'kl_divergence'}.get(name, name)
    )
    target, own = logits(0, scale), logits(1, scale)
    expected = [getattr(reference, name)(t, o) for t, o in zip(target.tolist(), own.tolist(), strict=True)]
    torch.testing.assert_close(function(target, own), torch.tensor(expected), rtol=1e-4, atol=1e-6)


def test_entropy_agrees_with_the_loop() -> None:
    expected = torch.tensor([reference.entropy(row) for row in logits(0).tolist()])
    torch.testing.assert_close(consistency.entropy(logits(0)), expected)


def test_kl_is_finite_where_one_class_is_certain() -> None:
    certain = torch.tensor([[1000.0, 0.0], [0.0, 1000.0]])
    assert consistency.kl_divergence(certain, certain.flip(0)).tolist() == [1000.0, 1000.0]
    assert consistency.entropy(certain).tolist() == [0.0, 0.0]


def test_the_gradient_of_kl_reaches_both_sides() -> None:
    target, own = logits(0).requires_grad_(), logits(1).requires_grad_()
    consistency.kl_divergence(target, own).sum().backward()
    assert target.grad.abs().sum() > 0 and own.grad.abs().sum() > 0


def test_no_gradient_of_the_squared_difference_reaches_the_target() -> None:
    target, own = logits(0).requires_grad_(), logits(1).requires_grad_()
    consistency.squared_difference(target, own).sum().backward()
    assert target.grad is None and own.grad.abs().sum() > 0


@pytest.mark.parametrize('threshold', [0.0, 0.5, 0.8, 1.0])
def test_hard_targets_agree_with_the_loop(threshold: float) -> None:
    weak, strong = logits(0), logits(1)
    loss = consistency.hard_target_loss(strong, *consistency.confident_targets(weak, threshold))
    expected = reference.pseudo_label_loss(weak.tolist(), strong.tolist(), [threshold] * CLASSES)
    assert loss.item() == pytest.approx(expected, rel=1e-5)


def test_every_class_can_have_a_threshold_of_its_own() -> None:
    weak, thresholds = logits(0), torch.linspace(0.3, 0.9, CLASSES)
    targets, chosen = consistency.confident_targets(weak, thresholds)
    loss = consistency.hard_target_loss(weak, targets, chosen)
    expected = reference.pseudo_label_loss(weak.tolist(), weak.tolist(), thresholds.tolist())
    assert 0 < chosen.sum() < N and loss.item() == pytest.approx(expected, rel=1e-5)


def test_no_rows_cost_nothing() -> None:
    nothing = torch.zeros(0, CLASSES, requires_grad=True)
    loss = consistency.hard_target_loss(nothing, *consistency.confident_targets(nothing, 0.9))
    loss.backward()
    assert loss.item() == 0


@pytest.mark.parametrize('warmup', [True, False])
@pytest.mark.parametrize(
    'learnt', [[-1] * 9, [0, 0, 0, 1, 1, 2, -1, -1, -1], [0, 1, 2, 2, 2, 2, -1, -1, -1], [3] * 9]
)
def test_flexible_thresholds_agree_with_the_loop(learnt: list[int], warmup: bool) -> None:
    found = consistency.flexible_thresholds(torch.tensor(learnt), 4, 0.95, warmup)
    assert found.tolist() == pytest.approx(reference.flexmatch_thresholds(learnt, 4, 0.95, warmup))


def test_the_class_learnt_best_has_the_full_threshold_once_most_sequences_are_used() -> None:
    found = consistency.flexible_thresholds(torch.tensor([0, 0, 0, 1, -1]), 2, 0.9)
    assert found[0] == pytest.approx(0.9) and found[1] < 0.9
