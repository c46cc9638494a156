from __future__ import annotations

from typing import Any

import pytest
import torch

from skelreg.regularizers.ensembling import MeanTeacher, TemporalEnsembling
from tests.reference import semi_supervised as reference
from tests.regularizers.small import CLASSES, Network, is_zero, skeletons, training_set

UNLABELLED, ALL = slice(3, None), slice(None)


@pytest.mark.parametrize(('sequences', 'rows'), [('unlabelled', UNLABELLED), ('all', ALL)])
@pytest.mark.parametrize('num_views', [1, 2])
def test_mean_teacher_agrees_with_the_loop(sequences: Any, rows: slice, num_views: int) -> None:
    """The teacher sees the weakest view, the student the strongest."""
    net, views = Network(), [skeletons(seed=seed) for seed in range(num_views)]
    taught, own = net.teacher(views[0])[rows].tolist(), net.logits(views[-1])[rows].tolist()
    expected = [reference.squared_difference(t, o) for t, o in zip(taught, own, strict=True)]
    found = MeanTeacher(sequences)(net.step(*views)).losses['difference'].item()
    assert found == pytest.approx(sum(expected) / len(expected), rel=1e-5)


def test_no_gradient_reaches_the_teacher() -> None:
    net = Network()
    MeanTeacher()(net.step(skeletons())).losses['difference'].backward()
    assert is_zero(net.teacher[1].weight.grad) and not is_zero(net.classifier.weight.grad)


def test_temporal_ensembling_agrees_with_the_loop_over_several_visits() -> None:
    term, net = TemporalEnsembling(CLASSES, momentum=0.6), Network()
    term.prepare(training_set())
    visits = [skeletons(seed=seed) for seed in range(5)]
    predictions = [[reference.softmax(row) for row in net.logits(x).tolist()] for x in visits]
    targets = [reference.temporal_targets(list(own), 0.6) for own in zip(*predictions, strict=True)]
    index = torch.tensor([3, 17, 0, 8, 9, 23])
    for t, x in enumerate(visits):
        found = term(net.step(x, index=index)).losses['difference'].item()
        expected = [
            0.0 if own[t] is None else sum((a - b) ** 2 for a, b in zip(own[t], now, strict=True)) / CLASSES
            for own, now in zip(targets, predictions[t], strict=True)
        ]
        assert found == pytest.approx(sum(expected) / len(expected), rel=1e-4)


def test_the_memory_is_left_alone_in_eval_mode() -> None:
    term, net = TemporalEnsembling(CLASSES), Network()
    term.prepare(training_set())
    term.eval()(net.step(skeletons()))
    assert not term.bank.written.any()


@pytest.mark.parametrize('momentum', [-0.1, 1.0])
def test_a_momentum_that_is_none_is_refused(momentum: float) -> None:
    with pytest.raises(ValueError, match=r'momentum must be in \[0, 1\)'):
        TemporalEnsembling(CLASSES, momentum)
