"""What contrastive heads share that mine neighbours of the queue as further positives."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from ..functional.contrast import mine_positives, own_key_mask
from .base import Head


class MiningHead(Head):
    """A head over key and queue whose positives are, from some epoch on, more than the own key.

    Args:
        temperature: Divides the cosines.
        mining_start_epoch: Neighbours are mined in epochs after so many are finished; None never mines.
        topk: How many neighbours each view contributes.
    """

    def __init__(self, temperature: float, mining_start_epoch: int | None, topk: int) -> None:
        super().__init__()
        if temperature <= 0:
            raise ValueError(f'temperature must be > 0, got {temperature}; HiCLR configs use 0.07')
        if topk < 1:
            raise ValueError(f'topk must be >= 1, got {topk}; HiCLR configs use 1')
        self.temperature, self.mining_start_epoch, self.topk = temperature, mining_start_epoch, topk
        self.mines = False

    def set_epoch(self, epoch: int) -> None:
        """Switch mining on once `mining_start_epoch` epochs are finished; epoch counts from 0."""
        self.mines = self.mining_start_epoch is not None and epoch >= self.mining_start_epoch

    def positives(self, similarities: Sequence[Tensor]) -> Tensor:
        """(N, 1 + K) bool: the own key, and while it mines the topk nearest queue entries of every view.

        Shape:
            similarities: each (N, 1 + K).
        """
        return mine_positives(similarities, self.topk) if self.mines else own_key_mask(similarities[0])
