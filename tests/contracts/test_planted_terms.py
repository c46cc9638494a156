"""One defect for each clause of heads and regularizers, and the check names the clause."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from skelreg.heads.base import Head
from skelreg.regularizers.base import Regularizer
from skelreg.structures import Step, Terms
from skelreg.testing import ContractError, check_head, check_regularizer


class Sound(Head):
    """Cross-entropy behind a scale of its own; reads labels where they are known."""

    needs = frozenset({'class_logits', 'labels'})

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(()))

    def forward(self, step: Step) -> Terms:
        loss = nn.functional.cross_entropy(
            self.scale * step.class_logits[0], step.labels, ignore_index=-1, reduction='sum'
        )
        return Terms({'loss': loss}, {'scale': self.scale.detach()})


class UnknownNeed(Sound):
    needs = frozenset({'class_logits', 'labels', 'weather'})


class ReadsMore(Sound):
    needs = frozenset({'class_logits', 'labels'})

    def forward(self, step: Step) -> Terms:
        return Terms({'loss': super().forward(step).losses['loss'] + step.similarities[0].mean()})


class NoViews(Sound):
    min_views = 0


class NeedsThreeViews(Sound):
    def forward(self, step: Step) -> Terms:
        return Terms({'loss': step.class_logits[2].mean()})


class BareLoss(Sound):
    def forward(self, step: Step) -> Any:
        return super().forward(step).losses


class NoLoss(Sound):
    def forward(self, step: Step) -> Terms:
        return Terms({})


class TwiceTheName(Sound):
    def forward(self, step: Step) -> Terms:
        return Terms(super().forward(step).losses, {'loss': torch.zeros(())})


class PlainNumber(Sound):
    def forward(self, step: Step) -> Terms:
        return Terms({'loss': 1.0})


class NotReduced(Sound):
    def forward(self, step: Step) -> Terms:
        return Terms({'loss': step.class_logits[0].mean(dim=1)})


class Infinite(Sound):
    def forward(self, step: Step) -> Terms:
        return Terms({'loss': (step.class_logits[0] * 0).log().sum()})


class AttachedDiagnostic(Sound):
    def forward(self, step: Step) -> Terms:
        return Terms(super().forward(step).losses, {'top1': step.class_logits[0].mean()})


class CutsTheGraph(Sound):
    def forward(self, step: Step) -> Terms:
        return Terms({'loss': step.class_logits[0].detach().mean() * self.scale})


class UnusedParameter(Sound):
    def __init__(self) -> None:
        super().__init__()
        self.unused = nn.Parameter(torch.ones(1))


class HardDevice(Sound):
    def forward(self, step: Step) -> Terms:
        return Terms({'loss': (step.class_logits[0] + torch.ones(4)).mean() * self.scale})


class Modifies(Sound):
    def forward(self, step: Step) -> Terms:
        terms = super().forward(step)
        step.labels.fill_(0)
        return terms


class Unseeded(Sound):
    def forward(self, step: Step) -> Terms:
        generator = torch.Generator()
        generator.seed()
        return Terms({'loss': super().forward(step).losses['loss'] * torch.rand((), generator=generator)})


class MeanOfNone(Sound):
    def forward(self, step: Step) -> Terms:
        loss = nn.functional.cross_entropy(self.scale * step.class_logits[0], step.labels, ignore_index=-1)
        return Terms({'loss': loss})


class BadEpoch(Sound):
    def set_epoch(self, epoch: int) -> None:
        raise RuntimeError('no such epoch')


class ForgetsState(Sound):
    def __init__(self) -> None:
        super().__init__()
        self.steps = 0

    def forward(self, step: Step) -> Terms:
        self.steps += self.training
        return Terms({'loss': super().forward(step).losses['loss'] / max(self.steps, 1)})


DEFECTS = [
    (UnknownNeed, 'needs'), (ReadsMore, 'needs'), (NoViews, 'min_views'), (NeedsThreeViews, 'runs'),
    (BareLoss, 'output'), (NoLoss, 'output'), (TwiceTheName, 'output'), (PlainNumber, 'output'),
    (NotReduced, 'shape'), (Infinite, 'finite'), (AttachedDiagnostic, 'gradient'), (CutsTheGraph, 'gradient'),
    (UnusedParameter, 'gradient'), (HardDevice, 'device'), (Modifies, 'input is not modified'),
    (Unseeded, 'deterministic'), (MeanOfNone, 'unknown labels'), (BadEpoch, 'runs'),
    (ForgetsState, 'save and load'),
]


def test_a_sound_head_passes() -> None:
    check_head(dict(type=Sound))


@pytest.mark.parametrize(('defect', 'clause'), DEFECTS)
def test_the_broken_clause_of_a_head_is_named(defect: type[Head], clause: str) -> None:
    with pytest.raises(ContractError) as caught:
        check_head(dict(type=defect))
    assert (caught.value.component, caught.value.clause) == (defect.__name__, clause)


class Spread(Regularizer):
    needs = frozenset({'embeddings'})

    def forward(self, step: Step) -> Terms:
        return Terms({'spread': step.embeddings[0].square().mean()})


class GreedySpread(Spread):
    def forward(self, step: Step) -> Terms:
        return Terms({'spread': step.queries[0].mean()})


def test_a_sound_regularizer_passes() -> None:
    check_regularizer(dict(type=Spread))


@pytest.mark.parametrize(('defect', 'clause'), [(GreedySpread, 'needs'), (Sound, 'builds')])
def test_the_broken_clause_of_a_regularizer_is_named(defect: type, clause: str) -> None:
    with pytest.raises(ContractError) as caught:
        check_regularizer(dict(type=defect))
    assert caught.value.clause == clause
