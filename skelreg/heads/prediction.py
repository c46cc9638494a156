"""Predicting what the key encoder makes of another view (BYOL)."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import permutations
from typing import Any

import torch

from ..functional.contrast import cosine_distance
from ..registry import HEADS, NECKS
from ..structures import Step, Terms
from .base import Head


@HEADS.register_module()
class KeyPredictionHead(Head):
    """A predictor on each view's projection is to give the key encoder's projection of every other view.

    For two views a, b: (2 - 2 cos(predicted a, key of b)) + (2 - 2 cos(predicted b, key of a)). With more
    views, the mean over all pairs. Gradient reaches predictor and query encoder, never the key encoder.

    Reference: BYOL, Grill et al., NeurIPS 2020. Its momentum rises to 1 while it trains; here it is that of
    `model.key_encoder`, a constant.

    Args:
        projection_channels: d of the projections; the learner supplies it.
        predictor: Config of a neck from d to d; None is a layer of batch norm and ReLU between two linear
            ones, as wide as the projections.
    """

    needs = frozenset({'projections', 'view_keys'})
    min_views = 2

    def __init__(self, projection_channels: int, predictor: Mapping[str, Any] | None = None) -> None:
        super().__init__()
        self.predictor = NECKS.build(
            predictor or {'type': 'MLPProjection', 'batch_norm': True}, where='predictor',
            in_channels=projection_channels, out_channels=projection_channels,
        )
        if self.predictor.out_channels != projection_channels:
            raise ValueError(
                f'the predictor must end in the {projection_channels} channels of the projections, '
                f'got {self.predictor.out_channels}'
            )

    def forward(self, step: Step) -> Terms:
        predicted = [torch.nn.functional.normalize(self.predictor(z).float()) for z in step.projections]
        keys = step.view_keys
        distances = [2 * cosine_distance(keys[j], predicted[i]) for i, j in permutations(range(len(keys)), 2)]
        both_ways = 2 * torch.stack(distances).mean()
        return Terms({'prediction': both_ways})
