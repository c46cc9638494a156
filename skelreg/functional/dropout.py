"""Dropout whose random numbers cost a fraction of torch's on a CPU."""

from __future__ import annotations

import torch
from torch import Tensor

from .kept import kept


def dropout(x: Tensor, p: float, training: bool) -> Tensor:
    """Zero elements with probability p and scale the others by 1 / (1 - p).

    torch draws a CPU mask one number per element on one thread, a fifth of an ST-GCN step. Where p is a
    multiple of 1/16 (0.5, 0.25, ...), a mask made of random bits has the same distribution, up to 64
    elements a draw; any other p and any other device take torch's own dropout, and so does a compiler.

    Shape:
        x: any; output: as x.
    Raises:
        ValueError: If p is outside [0, 1).
    """
    mask = _mask_of_bits(x, p, training)
    if mask is None:
        return torch.nn.functional.dropout(x, p) if training and p > 0 else x
    return x * mask


def add_dropout(base: Tensor, x: Tensor, p: float, training: bool) -> Tensor:
    """base + dropout(x) in one pass over the memory; see `dropout`.

    Shape:
        base, x: the same; output: as x.
    Raises:
        ValueError: If p is outside [0, 1).
    """
    mask = _mask_of_bits(x, p, training)
    return base + dropout(x, p, training) if mask is None else torch.addcmul(base, x, mask)


def _mask_of_bits(x: Tensor, p: float, training: bool) -> Tensor | None:
    """A mask of x's shape and dtype, 0 or 1 / (1 - p); None where nothing is dropped, or not by bits."""
    if not 0 <= p < 1:
        raise ValueError(f'dropout must be in [0, 1), got {p}')
    if not training or p == 0:
        return None
    if x.device.type != 'cpu' or p * 16 % 1 != 0 or torch.compiler.is_compiling():
        return None
    masks = _masks_of_bytes(p)
    num_bytes = -(-x.numel() // masks.shape[1])
    words = torch.empty(-(-num_bytes // 8), dtype=torch.int64)
    words.random_(torch.iinfo(torch.int64).min, None)
    drawn = words.view(torch.uint8)[:num_bytes].int()
    return masks.to(x.dtype).index_select(0, drawn).view(-1)[: x.numel()].view(x.shape)


@kept
def _masks_of_bytes(p: float) -> Tensor:
    """(256, 8 / b), what a random byte makes of so many elements: an element whose b bits, read as a
    number, are below 2**b p is dropped; b is 1, 2 or 4.
    """
    bits = next(b for b in (1, 2, 4) if p * 2**b % 1 == 0)
    shifts = torch.arange(0, 8, bits)
    numbers = (torch.arange(256)[:, None] >> shifts) & (2**bits - 1)
    return (numbers >= p * 2**bits).double() / (1 - p)
