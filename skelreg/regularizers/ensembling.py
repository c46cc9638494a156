"""Agreement with an average over time: of weights (Mean Teacher), of predictions (Temporal Ensembling)."""

from __future__ import annotations

from ..functional.consistency import squared_difference
from ..registry import REGULARIZERS
from ..structures import Step, Terms, TrainingSet
from .bank import SequenceBank
from .base import Sequences, SequenceTerm, mean_or_zero


@REGULARIZERS.register_module()
class MeanTeacher(SequenceTerm):
    """The strongest view is to be predicted as the teacher predicts the weakest one.

    Mean squared difference of the probabilities. With one view the two differ by dropout and weights.

    Args:
        sequences: 'unlabelled' or 'all', as in the paper.
    """

    needs = frozenset({'class_logits', 'teacher_logits', 'unlabelled'})

    def __init__(self, sequences: Sequences = 'all') -> None:
        super().__init__(sequences)

    def forward(self, step: Step) -> Terms:
        rows = self.rows(step)
        difference = squared_difference(step.teacher_logits[rows], step.class_logits[-1][rows])
        return Terms({'difference': mean_or_zero(difference)})


@REGULARIZERS.register_module()
class TemporalEnsembling(SequenceTerm):
    """A sequence is to be predicted as it was on average in its former visits.

    With the probabilities z of the weakest view, the memory of a sequence becomes Z <- m Z + (1 - m) z at
    every visit, and the target of its visit t, counted from 0, is Z / (1 - m^t); the first visit has
    none. Mean squared difference to the probabilities. The paper (Laine and Aila, ICLR 2017) averages once
    an epoch; that is the same for sequences that are visited once an epoch, as unlabelled ones are.

    Args:
        momentum: m.
        sequences: 'unlabelled', or 'all' as in the paper: a few labelled ones come in every batch then,
            and their memory is of the latest steps.
        num_classes: The learner supplies it.
    """

    needs = frozenset({'class_logits', 'unlabelled', 'positions'})

    def __init__(self, num_classes: int, momentum: float = 0.6, sequences: Sequences = 'all') -> None:
        super().__init__(sequences)
        if not 0 <= momentum < 1:
            raise ValueError(f'momentum must be in [0, 1), got {momentum}; the paper uses 0.6')
        self.momentum = momentum
        self.bank = SequenceBank(num_classes)

    def prepare(self, data: TrainingSet) -> None:
        """Size the memory of predictions."""
        self.bank.resize(data)

    def forward(self, step: Step) -> Terms:
        rows = self.rows(step)
        positions = step.positions[rows]
        probabilities = step.class_logits[0][rows].float().softmax(dim=1)
        memory, visits = self.bank.values[positions], self.bank.writes[positions]
        target = memory / (1 - self.momentum ** visits.clamp(min=1).float())[:, None]
        difference = (probabilities - target).square().mean(dim=1) * (visits > 0)
        if self.training:
            kept = self.momentum * memory + (1 - self.momentum) * probabilities.detach()
            self.bank.write(positions, kept)
        return Terms({'difference': mean_or_zero(difference)})
