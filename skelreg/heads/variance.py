"""Invariance, variance and covariance of two views (VICReg)."""

from __future__ import annotations

from itertools import combinations

import torch

from ..functional.redundancy import covariance_penalty, variance_hinge
from ..registry import HEADS
from ..structures import Step, Terms
from .base import Head


@HEADS.register_module()
class VarianceCovarianceHead(Head):
    """Projections of two views agree, every dimension keeps a spread, and no two dimensions say the same.

    Mean squared difference of the views, hinge on the standard deviation of every dimension (mean of both
    views), squared covariances (sum of both views). With more than two views, the mean over all pairs.
    Statistics are those of one process's batch.

    Reference: VICReg, Bardes, Ponce, LeCun, ICLR 2022, with the factors of the authors' code: the
    difference is a mean over dimensions as well.

    Args:
        invariance_weight: Factor of the difference.
        variance_weight: Factor of the hinge.
        covariance_weight: Factor of the covariances.
        least_deviation: Standard deviation below which the hinge pulls.
    """

    needs = frozenset({'projections'})
    min_views = 2

    def __init__(
        self,
        invariance_weight: float = 25.0,
        variance_weight: float = 25.0,
        covariance_weight: float = 1.0,
        least_deviation: float = 1.0,
    ) -> None:
        super().__init__()
        if min(invariance_weight, variance_weight, covariance_weight) < 0 or least_deviation <= 0:
            raise ValueError(
                'weights must be >= 0 and least_deviation > 0, got '
                f'invariance_weight={invariance_weight}, variance_weight={variance_weight}, '
                f'covariance_weight={covariance_weight}, least_deviation={least_deviation}'
            )
        self.invariance_weight, self.variance_weight = invariance_weight, variance_weight
        self.covariance_weight, self.least_deviation = covariance_weight, least_deviation

    def forward(self, step: Step) -> Terms:
        z = step.projections
        pairs = list(combinations(z, 2))
        differences = torch.stack([(first - second).square().mean() for first, second in pairs])
        # In the mean over all pairs, every view counts alike.
        hinge = torch.stack([variance_hinge(view, self.least_deviation) for view in z]).mean()
        covariance = 2 * torch.stack([covariance_penalty(view) for view in z]).mean()
        return Terms({
            'invariance': self.invariance_weight * differences.mean(),
            'variance': self.variance_weight * hinge,
            'covariance': self.covariance_weight * covariance,
        })
