"""The contract of regularizers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Literal

import torch
from torch import Tensor, nn

from ..structures import Step, Terms, TrainingSet

#: Which sequences of a batch a term is about.
Sequences = Literal['unlabelled', 'all']


class Regularizer(nn.Module, ABC):
    """An auxiliary loss that any learner can take beside its heads.

    Attributes:
        needs: As for heads, see `skelreg.heads.base.Head`.
        min_views: The least number of ordered views.
        num_views: The one number of ordered views that the arguments fit, or None for any.
        takes_mixtures: Whether a term that reads labels mixes them by `View.sources`.
    """

    needs: frozenset[str] = frozenset()
    min_views: int = 1
    num_views: int | None = None
    takes_mixtures: bool = False

    @abstractmethod
    def forward(self, step: Step) -> Terms:
        """Compute the loss terms of this step."""

    def prepare(self, data: TrainingSet) -> None:
        """Called once, when the training set is known and before any weight is loaded.

        The place to size what is kept for each sequence, and to refuse data that cannot do.

        Raises:
            ConfigError: If the training set does not have what the term needs.
        """

    @property
    def collects(self) -> bool:
        """Whether `collect` still has to see the training set; false once a checkpoint has been loaded."""
        return False

    def collect(self, step: Step) -> None:
        """Take in some sequences of the training set, without gradient and augmentation, in eval mode.

        Called before training, until it has seen every sequence, while `collects` is true.
        """


class Adversary(Regularizer):
    """A regularizer with a part that plays against the encoder and can take optimizer steps of its own.

    Attributes:
        alternates: Whether it does: `forward` then returns the encoder's losses only, and
            `discriminate` gives those of the other side, whose step comes first.
    """

    alternates: bool = False

    @property
    @abstractmethod
    def opponent(self) -> nn.Module:
        """The part that plays against the encoder."""

    @abstractmethod
    def discriminate(self, step: Step) -> dict[str, Tensor]:
        """The opponent's losses, by name; no gradient of them reaches the encoder."""


class SequenceTerm(Regularizer):
    """A regularizer about the unlabelled sequences of a batch, or about all of them.

    Args:
        sequences: 'unlabelled' or 'all'.
    """

    def __init__(self, sequences: Sequences) -> None:
        super().__init__()
        if sequences not in ('unlabelled', 'all'):
            raise ValueError(f"sequences must be 'unlabelled' or 'all', got {sequences!r}")
        self.sequences = sequences
        if sequences == 'all':
            self.needs = self.needs - {'unlabelled'}

    def rows(self, step: Step) -> Tensor:
        """(N,) booleans: the sequences of this batch that the term is about."""
        if self.sequences == 'unlabelled':
            return step.unlabelled
        x = step.views[0].skeleton
        return torch.ones(len(x), dtype=torch.bool, device=x.device)


def mean_or_zero(values: Tensor) -> Tensor:
    """Mean of (n,) values; zero, and still part of the graph, where there are none."""
    return values.sum() / max(len(values), 1)
