"""HiCLR's objective: the weakest view finds its key, every stronger view follows the one before it."""

from __future__ import annotations

from collections.abc import Sequence

from ..errors import ConfigError
from ..functional.contrast import consistency, mine_positives, multi_positive_nce, own_key_mask
from ..registry import HEADS
from ..structures import Step, Terms
from .base import Head


@HEADS.register_module()
class HierarchicalConsistencyHead(Head):
    """InfoNCE on the weakest of L ordered views plus L - 1 directional consistency terms.

    Level i is the cross-entropy between the distributions of view i - 1 (teacher, detached) and
    view i (student) over key and queue. With nearest-neighbour mining, the positives of the InfoNCE
    term are the own key and the topk nearest queue entries of every view.

    Reference: HiCLR, AAAI 2023, as in the authors' release.

    Args:
        temperature: Divides the cosines, for teachers and students alike.
        level_weights: A weight for each level, weak to strong; None weighs all 1 / (L - 1).
        mining_start_epoch: Neighbours are mined in epochs after so many are finished; None never mines.
        topk: How many neighbours each view contributes.
    """

    needs = frozenset({'similarities'})
    min_views = 2

    def __init__(
        self,
        temperature: float = 0.07,
        level_weights: Sequence[float] | None = None,
        mining_start_epoch: int | None = None,
        topk: int = 1,
    ) -> None:
        super().__init__()
        if temperature <= 0:
            raise ValueError(f'temperature must be > 0, got {temperature}; HiCLR configs use 0.07')
        if topk < 1:
            raise ValueError(f'topk must be >= 1, got {topk}; HiCLR configs use 1')
        if level_weights is not None and not level_weights:
            raise ValueError('level_weights must hold a weight for each level; None weighs all alike')
        self.temperature, self.topk = temperature, topk
        self.level_weights = None if level_weights is None else tuple(level_weights)
        self.mining_start_epoch = mining_start_epoch
        self._mining = False

    def set_epoch(self, epoch: int) -> None:
        """Switch mining on once `mining_start_epoch` epochs are finished; epoch counts from 0."""
        self._mining = self.mining_start_epoch is not None and epoch >= self.mining_start_epoch

    def forward(self, step: Step) -> Terms:
        similarities = step.similarities
        positives = mine_positives(similarities, self.topk) if self._mining else own_key_mask(similarities[0])
        losses = {'info_nce': multi_positive_nce(similarities[0], positives, self.temperature)}
        for i, weight in enumerate(self._weights(len(similarities)), start=1):
            losses[f'level_{i}'] = weight * consistency(
                similarities[i - 1], similarities[i], self.temperature
            )
        right = (similarities[0][:, 0] > similarities[0][:, 1:].amax(dim=1)).float().mean()
        return Terms(losses, {'top1': right})

    def _weights(self, views: int) -> tuple[float, ...]:
        if self.level_weights is None:
            return (1 / (views - 1),) * (views - 1)
        if len(self.level_weights) != views - 1:
            raise ConfigError(
                f'level_weights must hold a weight for each of the {views - 1} levels between {views} views',
                got=self.level_weights, where='HierarchicalConsistencyHead',
            )
        return self.level_weights
