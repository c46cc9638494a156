"""Normal random numbers whose drawing costs a tenth on a CPU."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Generator, Tensor

_LEVELS = 2**16


def normal_rows(like: Tensor, rows: Tensor, std: float, generator: Generator | None = None) -> Tensor:
    """Independent normal numbers where ``rows`` (N,) is true, zeros in the other rows of ``like`` (N, ...).

    torch draws them one by one on a CPU, which takes longer than all other augmentations together. There
    four numbers come from 64 random bits, each 16 bits choosing one of 65,536 equally likely quantiles:
    none beyond 4.4 standard deviations. Other devices take torch's own.

    Args:
        like: Gives shape, dtype and device.
        rows: Booleans.
        std: Standard deviation, in the unit of the data.
        generator: None takes torch's global one; what comes next from it does not depend on ``rows``.
    Shape:
        like: (N, ...); rows: (N,); output: as like.
    """
    if like.device.type != 'cpu':  # to count the rows would make the processor wait for the device
        share = std * rows.to(like.dtype).view(-1, *(1,) * (like.ndim - 1))
        drawn = torch.randn(like.shape, dtype=like.dtype, device=like.device, generator=generator)
        return drawn.mul_(share)
    size, count = like[:1].numel(), int(rows.sum())
    drawn = torch.empty(1 + count, size, dtype=torch.float32)
    drawn[0] = 0  # for all rows that have no noise
    seed = int(torch.randint(2**63 - 1, (), generator=generator))
    words = np.random.SFC64(seed).random_raw((count * size + 3) // 4)  # twice as fast as torch's bits
    levels = words.view(np.uint16)[: count * size]
    np.take(_quantiles() * np.float32(std), levels, out=drawn[1:].view(-1).numpy(), mode='clip')
    return drawn.index_select(0, torch.where(rows, rows.cumsum(0), 0)).view(like.shape).to(like.dtype)


@lru_cache(maxsize=1)
def _quantiles() -> NDArray[np.float32]:
    """(65536,), the normal quantiles at the middle of equal steps, scaled to unit variance."""
    middles = (torch.arange(_LEVELS, dtype=torch.float64) + 0.5) / _LEVELS
    quantiles = torch.special.ndtri(middles)
    return (quantiles / quantiles.std(correction=0)).float().numpy()
