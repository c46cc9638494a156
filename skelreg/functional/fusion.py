"""One prediction out of several streams' scores."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor


def fuse_scores(scores: Tensor, weights: Sequence[float]) -> Tensor:
    """Weighted sum of the scores of several streams.

    Shape:
        scores: (S, N, classes), one slice a stream; output: (N, classes).
    Raises:
        ValueError: If there is not one weight a stream.
    """
    if len(weights) != len(scores):
        raise ValueError(f'{len(scores)} streams need as many weights, got {len(weights)}')
    return torch.einsum('s,snk->nk', scores.new_tensor(weights), scores)
