from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from skelreg.heads.classification import ClassificationHead
from skelreg.structures import Features, MultiView, Step, View

LOGITS = [[2.0, 0.0, -1.0], [0.5, 0.5, 0.0], [0.0, 3.0, 1.0]]


def make_step(labels: list[int] | None, views: list[Tensor] | None = None) -> Step:
    views = views or [torch.tensor(LOGITS)]
    return Step(
        MultiView(tuple(View(str(i), torch.tensor(i)) for i in range(len(views)))),
        labels=None if labels is None else torch.tensor(labels),
        encode=lambda view: Features(views[int(view.skeleton)]),
        classify=lambda z: z,
    )


def cross_entropy(rows: list[list[float]], labels: list[int]) -> float:
    costs = [math.log(sum(map(math.exp, row))) - row[label] for row, label in zip(rows, labels, strict=True)]
    return sum(costs) / len(costs)


def test_cross_entropy_agrees_with_the_loop() -> None:
    loss = ClassificationHead()(make_step([0, 2, 1])).losses['cross_entropy']
    assert loss.item() == pytest.approx(cross_entropy(LOGITS, [0, 2, 1]), rel=1e-6)


def test_unknown_labels_are_left_out() -> None:
    loss = ClassificationHead()(make_step([0, -1, 1])).losses['cross_entropy']
    assert loss.item() == pytest.approx(cross_entropy([LOGITS[0], LOGITS[2]], [0, 1]), rel=1e-6)


def test_a_batch_without_a_label_costs_nothing() -> None:
    logits = torch.tensor(LOGITS, requires_grad=True)
    loss = ClassificationHead()(make_step([-1, -1, -1], [logits])).losses['cross_entropy']
    loss.backward()
    assert loss == 0 and not logits.grad.any()


def test_views_are_averaged() -> None:
    views = [torch.tensor(LOGITS), -torch.tensor(LOGITS)]
    expected = sum(cross_entropy(view.tolist(), [0, 1, 2]) for view in views) / 2
    loss = ClassificationHead()(make_step([0, 1, 2], views)).losses['cross_entropy']
    assert loss.item() == pytest.approx(expected, rel=1e-6)


def test_smoothing_spreads_the_target() -> None:
    expected = sum(
        share * cross_entropy(LOGITS[:1], [label]) for label, share in ((0, 0.8), (1, 0.1), (2, 0.1))
    )
    step = make_step([0], [torch.tensor(LOGITS[:1])])
    loss = ClassificationHead(label_smoothing=0.3)(step).losses['cross_entropy']
    assert loss.item() == pytest.approx(expected, rel=1e-6)


def test_top1_counts_the_right_ones() -> None:
    assert ClassificationHead()(make_step([0, 2, 1])).diagnostics['top1'].item() == pytest.approx(2 / 3)


def test_a_batch_without_labels_is_refused() -> None:
    with pytest.raises(ValueError, match='needs labels'):
        ClassificationHead()(make_step(None))


@pytest.mark.parametrize('smoothing', [-0.1, 1.0])
def test_bad_smoothing_is_refused(smoothing: float) -> None:
    with pytest.raises(ValueError, match='label_smoothing'):
        ClassificationHead(label_smoothing=smoothing)


def test_the_weakest_views_alone_can_be_learnt_from() -> None:
    views = [torch.tensor(LOGITS), torch.tensor(LOGITS).flip(1)]
    found = ClassificationHead(views=1)(make_step([0, 1, 2], views)).losses['cross_entropy']
    assert found.item() == pytest.approx(cross_entropy(LOGITS, [0, 1, 2]), rel=1e-6)


def test_no_view_to_learn_from_is_refused() -> None:
    with pytest.raises(ValueError, match='views must be at least 1'):
        ClassificationHead(views=0)


def test_mixed_view_is_scored_against_mixed_labels() -> None:
    logits, labels = torch.randn(4, 3), torch.tensor([0, 2, 1, -1])
    sources = torch.tensor([[0.8, 0.2, 0, 0], [0, 1, 0, 0], [0, 0, 0.5, 0.5], [1, 0, 0, 0]])
    view = View('mixed', torch.zeros(4, 3, 2, 5, 1), sources=sources)
    step = Step(MultiView((view,)), labels=labels, encode=lambda _: Features(logits), classify=lambda z: z)
    found = ClassificationHead(label_smoothing=0.1)(step)
    log = logits.log_softmax(dim=1)
    targets = {0: [0.8, 0, 0.2], 1: [0, 0, 1], 3: [1, 0, 0]}  # the third has an unlabelled half
    expected = -sum(((0.9 * torch.tensor(row) + 0.1 / 3) * log[i]).sum() for i, row in targets.items()) / 3
    torch.testing.assert_close(found.losses['cross_entropy'], expected)
    best = {0: 0, 1: 2, 3: 0}
    right = sum(int(logits[i].argmax()) == best[i] for i in best) / 3
    assert float(found.diagnostics['top1']) == pytest.approx(right)
