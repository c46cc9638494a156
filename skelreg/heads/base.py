"""The contract of heads."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

from torch import nn

from ..structures import Step, Terms


class Head(nn.Module, ABC):
    """A loss over one step.

    Attributes:
        needs: Properties of `Step` that the head reads: 'features', 'embeddings', 'queries',
            'keys', 'similarities', 'class_logits', 'labels'. A config whose learner does not
            supply them is refused.
        min_views: The least number of ordered views.
    """

    needs: ClassVar[frozenset[str]] = frozenset()
    min_views: ClassVar[int] = 1

    @abstractmethod
    def forward(self, step: Step) -> Terms:
        """Compute the loss terms of this step."""
