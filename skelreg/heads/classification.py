"""Cross-entropy on class labels."""

from __future__ import annotations

import torch
from torch import Tensor

from ..functional.mixtures import mixed_labels
from ..registry import HEADS
from ..structures import Step, Terms, View
from .base import Head


@HEADS.register_module()
class ClassificationHead(Head):
    """Cross-entropy of the classifier's logits, averaged over views; unlabelled sequences (-1) are left out.

    A view that mixes sequences has labels mixed alike; a mixture with an unlabelled part is left out, too.

    Args:
        views: How many of the ordered views, the weakest first, are averaged over; None takes all.
        label_smoothing: Share of the target spread over all classes, in [0, 1).
    """

    needs = frozenset({'class_logits', 'labels'})
    takes_mixtures = True

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
        scored = [
            self._score(view, logits, step.labels)
            for view, logits in list(zip(step.views, step.class_logits, strict=True))[: self.views]
        ]
        loss = torch.stack([loss for loss, _ in scored]).mean()
        return Terms({'cross_entropy': loss}, {'top1': scored[0][1]})

    def _score(self, view: View, logits: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """Mean cross-entropy and share of right answers over the sequences whose class is known."""
        known, target = labels >= 0, labels
        if view.sources is not None:
            known, target = mixed_labels(view.sources, labels, num_classes=logits.shape[1])
        logits, target = logits[known], target[known]
        loss = torch.nn.functional.cross_entropy(
            logits, target, label_smoothing=self.label_smoothing, reduction='sum'
        )
        best = target if view.sources is None else target.argmax(dim=1)
        count = max(len(target), 1)
        return loss / count, (logits.argmax(dim=1) == best).float().sum() / count
