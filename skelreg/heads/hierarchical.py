"""HiCLR's objective: the weakest view finds its key, every stronger view follows the one before it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from itertools import pairwise
from typing import Literal, get_args

from torch import Tensor

from ..functional.contrast import (
    Direction,
    Distance,
    cosine_distance,
    directed,
    l1_distance,
    multi_positive_nce,
    share_right,
    soft_cross_entropy,
)
from ..registry import HEADS
from ..structures import Step, Terms
from .mining import MiningHead


@HEADS.register_module()
class HierarchicalConsistencyHead(MiningHead):
    """InfoNCE on the weakest of L ordered views plus L - 1 directional consistency terms.

    Level i is the cross-entropy between the distributions of view i - 1 (teacher, detached) and
    view i (student) over key and queue. With nearest-neighbour mining, the positives of the InfoNCE
    term are the own key and the topk nearest queue entries of every view.

    Reference: HiCLR, AAAI 2023, as in the authors' release; other directions and distances are for
    experiments on its central claim, that the weaker view is to teach the stronger one.

    Args:
        temperature: Divides the cosines, for teachers and students alike.
        level_weights: A weight for each level, weak to strong; None weighs all 1 / (L - 1).
        mining_start_epoch: Neighbours are mined in epochs after so many are finished; None never mines.
        topk: How many neighbours each view contributes.
        direction: Which view of a level learns, see `skelreg.functional.contrast.directed`.
        distance: What a level compares: 'distribution' over key and queue, or the queries
            themselves by 'cosine' or 'l1'.
    """

    needs = frozenset({'similarities'})
    min_views = 2

    def __init__(
        self,
        temperature: float = 0.07,
        level_weights: Sequence[float] | None = None,
        mining_start_epoch: int | None = None,
        topk: int = 1,
        direction: Direction = 'weak_teaches',
        distance: Literal['distribution', 'cosine', 'l1'] = 'distribution',
    ) -> None:
        super().__init__(temperature, mining_start_epoch, topk)
        if level_weights is not None and not level_weights:
            raise ValueError('level_weights must hold a weight for each level; None weighs all alike')
        for name, value, accepted in (
            ('direction', direction, get_args(Direction)),
            ('distance', distance, ('distribution', 'cosine', 'l1')),
        ):
            if value not in accepted:
                raise ValueError(f'{name} must be one of {", ".join(accepted)}, got {value!r}')
        self.direction, self.distance = direction, distance
        self.level_weights = None if level_weights is None else tuple(level_weights)
        self.num_views = None if level_weights is None else len(level_weights) + 1

    def forward(self, step: Step) -> Terms:
        similarities = step.similarities
        losses = {
            'info_nce': multi_positive_nce(similarities[0], self.positives(similarities), self.temperature)
        }
        levels = self._levels(step)
        weights = self.level_weights or (1 / len(levels),) * len(levels)
        for i, (weight, level) in enumerate(zip(weights, levels, strict=True), start=1):
            losses[f'level_{i}'] = weight * level
        return Terms(losses, {'top1': share_right(similarities[0])})

    def _levels(self, step: Step) -> list[Tensor]:
        """The loss of every level, not weighted."""
        compared = step.similarities if self.distance == 'distribution' else step.queries
        distances: dict[str, Distance] = {
            'distribution': partial(soft_cross_entropy, temperature=self.temperature),
            'cosine': cosine_distance,
            'l1': l1_distance,
        }
        distance = distances[self.distance]
        return [directed(distance, weak, strong, self.direction) for weak, strong in pairwise(compared)]
