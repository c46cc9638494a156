"""Instance discrimination against a queue (MoCo; SkeletonCLR uses it on skeletons)."""

from __future__ import annotations

from ..functional.contrast import info_nce, share_right
from ..registry import HEADS
from ..structures import Step, Terms
from .base import Head


@HEADS.register_module()
class InfoNCEHead(Head):
    """InfoNCE of the weakest view against its key and the queue.

    Args:
        temperature: Divides the cosines.
    """

    needs = frozenset({'similarities'})

    def __init__(self, temperature: float = 0.07) -> None:
        super().__init__()
        if temperature <= 0:
            raise ValueError(f'temperature must be > 0, got {temperature}; HiCLR configs use 0.07')
        self.temperature = temperature

    def forward(self, step: Step) -> Terms:
        similarities = step.similarities[0]
        return Terms(
            {'info_nce': info_nce(similarities, self.temperature)}, {'top1': share_right(similarities)}
        )
