from __future__ import annotations

from typing import Any

import pytest
import torch

from skelreg.regularizers.certainty import EntropyMinimization, FlexMatch, PseudoLabels
from tests.reference import semi_supervised as reference
from tests.regularizers.small import CLASSES, Network, is_zero, skeletons, training_set

WEAK, STRONG = skeletons(seed=1), skeletons(seed=2)
UNLABELLED, ALL = slice(3, None), slice(None)


def logits(net: Network, x: torch.Tensor, rows: slice) -> list[list[float]]:
    return net.logits(x)[rows].tolist()


@pytest.mark.parametrize(('sequences', 'rows'), [('unlabelled', UNLABELLED), ('all', ALL)])
def test_entropy_is_the_mean_over_the_sequences(sequences: Any, rows: slice) -> None:
    net = Network()
    values = [reference.entropy(row) for row in logits(net, WEAK, rows)]
    found = EntropyMinimization(sequences)(net.step(WEAK)).losses['entropy'].item()
    assert found == pytest.approx(sum(values) / len(values), rel=1e-5)


@pytest.mark.parametrize('threshold', [0.2, 0.35, 0.99])
def test_online_pseudo_labels_agree_with_the_loop(threshold: float) -> None:
    net = Network()
    weak = logits(net, WEAK, UNLABELLED)
    found = PseudoLabels(threshold)(net.step(WEAK)).losses['cross_entropy'].item()
    expected = reference.pseudo_label_loss(weak, weak, [threshold] * CLASSES)
    assert found == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize(('sequences', 'rows'), [('unlabelled', UNLABELLED), ('all', ALL)])
def test_fixmatch_agrees_with_the_loop(sequences: Any, rows: slice) -> None:
    net, term = Network(), PseudoLabels(0.25, student='strongest', sequences=sequences)
    weak, strong = logits(net, WEAK, rows), logits(net, STRONG, rows)
    terms = term(net.step(WEAK, STRONG))
    expected = reference.pseudo_label_loss(weak, strong, [0.25] * CLASSES)
    assert terms.losses['cross_entropy'].item() == pytest.approx(expected, rel=1e-5)
    used = sum(max(reference.softmax(row)) >= 0.25 for row in weak) / len(weak)
    assert terms.diagnostics['used'].item() == pytest.approx(used) and used > 0


def test_no_gradient_of_fixmatch_reaches_the_weak_view() -> None:
    weak, strong = WEAK.clone().requires_grad_(), STRONG.clone().requires_grad_()
    PseudoLabels(0.0, student='strongest')(Network().step(weak, strong)).losses['cross_entropy'].backward()
    assert is_zero(weak.grad) and not is_zero(strong.grad)


def flexmatch(warmup: bool = True, threshold: float = 0.3) -> FlexMatch:
    term = FlexMatch(CLASSES, threshold, warmup)
    term.prepare(training_set(unlabelled=21))
    return term


@pytest.mark.parametrize('warmup', [True, False])
def test_flexmatch_agrees_with_the_loop_over_several_visits(warmup: bool) -> None:
    """The memory of predictions grows visit by visit, and the thresholds follow it."""
    term, net = flexmatch(warmup), Network()
    learnt = dict.fromkeys(range(3, 24), -1)
    for visit in range(4):
        index = torch.tensor([0, 1, 2, 3 + visit, 9, 12 + visit])
        weak, strong = 3 * skeletons(seed=10 + visit), skeletons(seed=20 + visit)
        rows = [logits(net, x, UNLABELLED) for x in (weak, strong)]
        limits = reference.flexmatch_thresholds(list(learnt.values()), CLASSES, 0.3, warmup)
        found = term(net.step(weak, strong, index=index)).losses['cross_entropy'].item()
        assert found == pytest.approx(reference.pseudo_label_loss(*rows, limits), rel=1e-5)
        for position, row in zip(index[UNLABELLED].tolist(), rows[0], strict=True):
            p = reference.softmax(row)
            if max(p) >= 0.3:
                learnt[position] = p.index(max(p))
    assert len(set(learnt.values())) > 2


def test_flexmatch_learns_nothing_about_its_classes_in_eval_mode() -> None:
    term = flexmatch().eval()
    term(Network().step(3 * WEAK, STRONG))
    assert not term.bank.written.any()


@pytest.mark.parametrize(
    ('make', 'message'),
    [
        (lambda: PseudoLabels(1.5), 'threshold must be a probability'),
        (lambda: PseudoLabels(student='teacher'), 'student must be'),
        (lambda: FlexMatch(5, -0.1), 'threshold must be a probability'),
        (lambda: EntropyMinimization('labelled'), 'sequences must be'),
    ],
)
def test_bad_arguments_are_refused(make: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()
