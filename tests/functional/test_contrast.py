from __future__ import annotations

import math
from functools import partial

import pytest
import torch
from torch import Tensor

from skelreg.functional.contrast import (
    directed,
    info_nce,
    mine_positives,
    multi_positive_nce,
    own_key_mask,
    soft_cross_entropy,
)
from tests.reference import contrast as reference

N, K = 5, 9


def cosines(seed: int, n: int = N, k: int = K) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return 2 * torch.rand(n, 1 + k, dtype=torch.float64, generator=generator) - 1


@pytest.mark.parametrize('temperature', [0.07, 1.0])
def test_info_nce_agrees_with_the_loop(temperature: float) -> None:
    rows = cosines(0)
    expected = reference.info_nce(rows.tolist(), temperature)
    assert info_nce(rows, temperature).item() == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize('value', [1.0, 0.0, -0.3])
def test_identical_embeddings_cost_the_logarithm_of_all_candidates(value: float) -> None:
    rows = torch.full((N, 1 + K), value)
    assert info_nce(rows, 0.07).item() == pytest.approx(math.log(K + 1), rel=1e-6)


def test_info_nce_does_not_overflow_at_a_tiny_temperature() -> None:
    rows = torch.tensor([[-1.0, 1.0, 0.0]])
    assert info_nce(rows, 1e-4).item() == pytest.approx(2e4)


def consistency(teacher: Tensor, student: Tensor, temperature: float) -> Tensor:
    return directed(partial(soft_cross_entropy, temperature=temperature), teacher, student, 'weak_teaches')


def test_consistency_agrees_with_the_loop() -> None:
    teacher, student = cosines(1), cosines(2)
    expected = reference.consistency(teacher.tolist(), student.tolist(), 0.1)
    assert consistency(teacher, student, 0.1).item() == pytest.approx(expected, rel=1e-9)


def test_no_gradient_reaches_the_teacher() -> None:
    teacher, student = cosines(1).requires_grad_(), cosines(2).requires_grad_()
    consistency(teacher, student, 0.1).backward()
    assert teacher.grad is None and student.grad.abs().sum() > 0


def test_a_student_that_agrees_with_its_teacher_has_no_gradient() -> None:
    teacher, student = cosines(1), cosines(1).requires_grad_()
    consistency(teacher, student, 0.1).backward()
    torch.testing.assert_close(student.grad, torch.zeros_like(student))


@pytest.mark.parametrize('topk', [1, 3, K])
@pytest.mark.parametrize('num_views', [1, 2, 4])
def test_mining_agrees_with_the_loop(num_views: int, topk: int) -> None:
    views = [cosines(seed) for seed in range(num_views)]
    expected = reference.mine([view.tolist() for view in views], topk)
    mask = mine_positives(views, topk)
    assert [set(row.nonzero().flatten().tolist()) for row in mask] == expected


@pytest.mark.parametrize('topk', [1, 2])
def test_several_positives_agree_with_the_loop(topk: int) -> None:
    views = [cosines(3), cosines(4)]
    positives = reference.mine([view.tolist() for view in views], topk)
    expected = reference.multi_positive(views[0].tolist(), positives, 0.07)
    found = multi_positive_nce(views[0], mine_positives(views, topk), 0.07)
    assert found.item() == pytest.approx(expected, rel=1e-9)


def test_the_own_key_alone_is_info_nce() -> None:
    rows = cosines(5)
    assert torch.equal(multi_positive_nce(rows, own_key_mask(rows), 0.07), info_nce(rows, 0.07))


def test_more_neighbours_than_the_queue_holds_are_refused() -> None:
    with pytest.raises(ValueError, match=r'topk 10 .* queue of 9'):
        mine_positives([cosines(0)], K + 1)
