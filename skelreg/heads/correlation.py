"""Cross-correlation of two views (Barlow Twins)."""

from __future__ import annotations

from itertools import combinations

import torch

from ..functional.redundancy import correlation_losses, cross_correlation
from ..registry import HEADS
from ..structures import Step, Terms
from .base import Head


@HEADS.register_module()
class CrossCorrelationHead(Head):
    """The cross-correlation of two views' projections is to be the identity; no negatives, no key encoder.

    With more than two views, the mean over all pairs. Statistics are those of one process's batch.

    Reference: Barlow Twins, Zbontar et al., ICML 2021, as in the authors' code.

    Args:
        redundancy_weight: Factor of the squares off the diagonal.
    """

    needs = frozenset({'projections'})
    min_views = 2

    def __init__(self, redundancy_weight: float = 0.0051) -> None:
        super().__init__()
        if redundancy_weight < 0:
            raise ValueError(f'redundancy_weight must be >= 0, got {redundancy_weight}')
        self.redundancy_weight = redundancy_weight

    def forward(self, step: Step) -> Terms:
        pairs = [
            correlation_losses(cross_correlation(first, second))
            for first, second in combinations(step.projections, 2)
        ]
        invariance, redundancy = (torch.stack(losses).mean() for losses in zip(*pairs, strict=True))
        return Terms({'invariance': invariance, 'redundancy': self.redundancy_weight * redundancy})
