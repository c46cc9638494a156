"""The contract of heads."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

from torch import nn

from ..structures import Step, Terms


class Head(nn.Module, ABC):
    """A loss over one step.

    Attributes:
        needs: Properties of `Step` that the head reads: 'features', 'embeddings', 'projections', 'queries',
            'keys', 'view_keys', 'similarities', 'class_logits', 'labels', 'unlabelled', 'positions',
            'teacher_logits', 'branches', or 'extra_views', the right to call `Step.of`. A config whose
            learner does not supply them is refused.
        min_views: The least number of ordered views.
        num_views: The one number of ordered views that the arguments fit, or None for any.
        takes_mixtures: Whether a head that reads labels mixes them by `View.sources`.
    """

    needs: ClassVar[frozenset[str]] = frozenset()
    min_views: int = 1
    num_views: int | None = None
    takes_mixtures: ClassVar[bool] = False

    @abstractmethod
    def forward(self, step: Step) -> Terms:
        """Compute the loss terms of this step."""
