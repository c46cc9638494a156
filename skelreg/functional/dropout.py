"""Dropout whose random numbers cost an eighth on a CPU."""

from __future__ import annotations

import torch
from torch import Tensor


def dropout(x: Tensor, p: float, training: bool) -> Tensor:
    """Zero elements with probability p and scale the others by 1 / (1 - p).

    torch draws a CPU mask one number per element on one thread, a fifth of an ST-GCN step. Where p is a
    multiple of 1/256 (0.5, 0.25, ...), a mask from random bytes has the same distribution, eight
    elements per 64-bit draw; any other p, and any other device, takes torch's own dropout.

    Shape:
        x: any; output: as x.
    Raises:
        ValueError: If p is outside [0, 1).
    """
    if not 0 <= p < 1:
        raise ValueError(f'dropout must be in [0, 1), got {p}')
    if not training or p == 0:
        return x
    threshold = p * 256
    if x.device.type != 'cpu' or not threshold.is_integer():
        return torch.nn.functional.dropout(x, p, training=True)
    return x * _byte_mask(x, int(threshold)).mul_(1 / (1 - p))


def _byte_mask(x: Tensor, threshold: int) -> Tensor:
    """A mask of x's shape and dtype, 0 with probability threshold / 256 and else 1."""
    words = torch.empty((x.numel() + 7) // 8, dtype=torch.int64)
    lowest, highest = torch.iinfo(torch.int64).min, None
    keep = words.random_(lowest, highest).view(torch.uint8)[: x.numel()] >= threshold
    return keep.to(x.dtype).view(x.shape)
