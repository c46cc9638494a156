"""Terms on the predictions for unlabelled sequences: entropy, pseudo-labels."""

from __future__ import annotations

import torch
from torch import Tensor

from ..functional.consistency import confident_targets, entropy, flexible_thresholds, hard_target_loss
from ..registry import REGULARIZERS
from ..structures import Step, Terms, TrainingSet
from .bank import SequenceBank
from .base import Regularizer, Sequences, SequenceTerm, mean_or_zero


def _check_threshold(threshold: float) -> float:
    if not 0 <= threshold <= 1:
        raise ValueError(f'threshold must be a probability in [0, 1], got {threshold}')
    return threshold


def _share(chosen: Tensor) -> Tensor:
    return mean_or_zero(chosen.float())


@REGULARIZERS.register_module()
class EntropyMinimization(SequenceTerm):
    """Predictions for unlabelled sequences are to be certain: their mean entropy, in nats.

    Args:
        sequences: 'unlabelled' or 'all'.
    """

    needs = frozenset({'class_logits', 'unlabelled'})

    def __init__(self, sequences: Sequences = 'unlabelled') -> None:
        super().__init__(sequences)

    def forward(self, step: Step) -> Terms:
        rows = self.rows(step)
        return Terms({'entropy': mean_or_zero(entropy(step.class_logits[0][rows]))})


@REGULARIZERS.register_module()
class PseudoLabels(SequenceTerm):
    """Confident predictions of a view are labels: of the same view, or of a stronger one (FixMatch).

    The target comes from the weakest view and no gradient flows into it. With one view this is online
    pseudo-labelling; with `student='strongest'` and a weak and a strong view it is FixMatch.

    Args:
        threshold: Probability from which a prediction counts.
        student: 'weakest' learns from itself, 'strongest' is the last of at least two views.
        sequences: 'unlabelled' or 'all'.
    """

    needs = frozenset({'class_logits', 'unlabelled'})

    def __init__(
        self, threshold: float = 0.95, student: str = 'weakest', sequences: Sequences = 'unlabelled'
    ) -> None:
        super().__init__(sequences)
        if student not in ('weakest', 'strongest'):
            raise ValueError(f"student must be 'weakest' or 'strongest', got {student!r}")
        self.threshold, self.student = _check_threshold(threshold), student
        self.min_views = 2 if student == 'strongest' else 1

    def forward(self, step: Step) -> Terms:
        rows = self.rows(step)
        weak = step.class_logits[0][rows]
        student = weak if self.student == 'weakest' else step.class_logits[-1][rows]
        targets, chosen = confident_targets(weak, self.threshold)
        return Terms({'cross_entropy': hard_target_loss(student, targets, chosen)}, {'used': _share(chosen)})


@REGULARIZERS.register_module()
class FlexMatch(Regularizer):
    """FixMatch with a threshold for each class that follows how well the class is learnt.

    Every sequence's last confident prediction is kept; see
    `skelreg.functional.consistency.flexible_thresholds`.

    Args:
        threshold: The highest threshold, and the confidence from which a prediction is kept.
        warmup: Let all thresholds rise from zero while few sequences have been predicted confidently.
        num_classes: The learner supplies it.
    """

    needs = frozenset({'class_logits', 'unlabelled', 'positions'})
    min_views = 2

    def __init__(self, num_classes: int, threshold: float = 0.95, warmup: bool = True) -> None:
        super().__init__()
        self.threshold, self.warmup, self.num_classes = _check_threshold(threshold), warmup, num_classes
        self.bank = SequenceBank(1)
        self.register_buffer('pool', torch.zeros(0, dtype=torch.bool), persistent=False)

    pool: Tensor

    def prepare(self, data: TrainingSet) -> None:
        """Size the memory of predictions."""
        self.bank.resize(data)
        self.pool = data.unlabelled.to(self.pool.device)

    def forward(self, step: Step) -> Terms:
        rows = step.unlabelled
        weak, strong = step.class_logits[0][rows], step.class_logits[-1][rows]
        learnt = torch.where(self.bank.written, self.bank.values[:, 0].long(), -1)[self.pool]
        thresholds = flexible_thresholds(learnt, self.num_classes, self.threshold, self.warmup)
        targets, chosen = confident_targets(weak, thresholds)
        if self.training:
            _, kept = confident_targets(weak, self.threshold)
            self.bank.write(step.positions[rows][kept], targets[kept][:, None])
        diagnostics = {'used': _share(chosen), 'threshold': thresholds.mean()}
        return Terms({'cross_entropy': hard_target_loss(strong, targets, chosen)}, diagnostics)
