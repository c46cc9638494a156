"""Labels of sequences that are mixed from several."""

from __future__ import annotations

import torch
from torch import Tensor


def mixed_labels(sources: Tensor, labels: Tensor, num_classes: int) -> tuple[Tensor, Tensor]:
    """Mix labels as skeletons were mixed.

    Args:
        sources: Row i holds the share of every sequence in mixture i; its sum is 1.
        labels: Classes, -1 where unknown.
        num_classes: How many there are.
    Shape:
        sources: (N, N); labels: (N,); known: (N,) booleans, false for a mixture that has a part of unknown
        class; target: (N, num_classes) distributions, meaningless where not known.
    """
    classes = torch.nn.functional.one_hot(labels.clamp(min=0), num_classes).to(sources.dtype)
    known = ((sources > 0) & (labels < 0)).sum(dim=1) == 0
    # Not a matrix product, which autocast would round to bf16.
    return known, (sources[:, :, None] * classes).sum(dim=1)
