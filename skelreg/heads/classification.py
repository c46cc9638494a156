"""Cross-entropy on class labels."""

from __future__ import annotations

import torch

from ..registry import HEADS
from ..structures import Step, Terms
from .base import Head


@HEADS.register_module()
class ClassificationHead(Head):
    """Cross-entropy of the classifier's logits, averaged over views; unlabelled sequences (-1) are left out.

    Args:
        views: How many of the ordered views, the weakest first, are averaged over; None takes all.
        label_smoothing: Share of the target spread over all classes, in [0, 1).
    """

    needs = frozenset({'class_logits', 'labels'})

    def __init__(self, label_smoothing: float = 0.0, views: int | None = None) -> None:
        super().__init__()
        if views is not None and views < 1:
            raise ValueError(f'views must be at least 1 or None, got {views}')
        self.views, self.min_views = views, views or 1
        if not 0 <= label_smoothing < 1:
            raise ValueError(f'label_smoothing must be in [0, 1), got {label_smoothing}')
        self.label_smoothing = label_smoothing

    def forward(self, step: Step) -> Terms:
        if step.labels is None:
            raise ValueError('ClassificationHead needs labels, and this batch has none')
        labelled = step.labels >= 0
        target = step.labels[labelled]
        logits = [view[labelled] for view in step.class_logits[: self.views]]
        losses = [
            torch.nn.functional.cross_entropy(
                view, target, label_smoothing=self.label_smoothing, reduction='sum'
            )
            for view in logits
        ]
        count = max(len(target), 1)
        right = (logits[0].argmax(dim=1) == target).float().sum() / count
        return Terms({'cross_entropy': torch.stack(losses).mean() / count}, {'top1': right})
