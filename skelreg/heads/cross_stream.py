"""CrosSCLR's objective: streams with encoders of their own show each other their neighbours."""

from __future__ import annotations

import torch

from ..functional.contrast import info_nce, learn_from_stream, multi_positive_nce, share_right
from ..registry import HEADS
from ..structures import Step, Terms
from .mining import MiningHead


@HEADS.register_module()
class CrossStreamHead(MiningHead):
    """InfoNCE in every stream; from an epoch on each learns from what the other streams find near.

    Then, for every stream, the mean over the other streams of the cross-entropy with the neighbours found
    there as further positives. The weakest view counts. Sum over streams, one term each.

    Reference: CrosSCLR, CVPR 2021, as in the authors' release, except that all key encoders keep moving once
    mining has begun (there only that of the motion stream does).

    Args:
        temperature: Divides the cosines.
        mining_start_epoch: Streams look at each other in epochs after so many are finished; None never.
        topk: How many neighbours are taken from another stream.
        context: Whether the products of two streams' cosines are further candidates, see
            `skelreg.functional.contrast.learn_from_stream`.
    """

    needs = frozenset({'similarities', 'branches'})

    def __init__(
        self,
        temperature: float = 0.07,
        mining_start_epoch: int | None = None,
        topk: int = 1,
        context: bool = True,
    ) -> None:
        super().__init__(temperature, mining_start_epoch, topk)
        self.context = context

    def forward(self, step: Step) -> Terms:
        steps = {'joint': step, **step.branches}
        streams = {stream: own.similarities[0] for stream, own in steps.items()}
        losses = {}
        for stream, own in streams.items():
            if not self.mines:
                losses[stream] = info_nce(own, self.temperature)
                continue
            found = []
            for other in (similarities for name, similarities in streams.items() if name != stream):
                candidates, positives = learn_from_stream(own, other, self.topk, self.context)
                found.append(multi_positive_nce(candidates, positives, self.temperature))
            losses[stream] = torch.stack(found).mean()
        return Terms(losses, {f'top1_{stream}': share_right(own) for stream, own in streams.items()})
