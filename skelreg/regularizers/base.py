"""The contract of regularizers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

from torch import nn

from ..structures import Step, Terms


class Regularizer(nn.Module, ABC):
    """An auxiliary loss that any learner can take beside its heads.

    Attributes:
        needs: As for heads, see `skelreg.heads.base.Head`.
        min_views: The least number of ordered views.
    """

    needs: ClassVar[frozenset[str]] = frozenset()
    min_views: ClassVar[int] = 1

    @abstractmethod
    def forward(self, step: Step) -> Terms:
        """Compute the loss terms of this step."""
