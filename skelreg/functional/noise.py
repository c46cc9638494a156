"""Normal random numbers whose drawing costs a tenth on a CPU."""

from __future__ import annotations

import numpy as np
import torch
from torch import Generator, Tensor

from .devices import on_cpu
from .kept import kept

_LEVELS = 2**16


def normal_rows(
    like: Tensor, rows: Tensor, std: float, generator: Generator | None = None
) -> tuple[Tensor, Tensor]:
    """Independent normal numbers for those rows of ``like`` (N, ...) where ``rows`` (N,) is true.

    torch draws them one by one on a CPU, which takes longer than all other augmentations together. There
    four numbers come from 64 random bits, each 16 bits choosing one of 65,536 equally likely quantiles:
    none beyond 4.4 standard deviations. Other devices take torch's own.

    Args:
        like: Gives shape, dtype and device.
        rows: Booleans.
        std: Standard deviation, in the unit of the data.
        generator: None takes torch's global one; what comes next from it does not depend on ``rows``.
    Returns:
        Numbers (K, ...), and (N,) which row of them is whose, -1 where ``rows`` is false. On a CPU there are
        as many as there are true ones, on other devices N, some of which are nobody's.
    """
    if not on_cpu(like):  # to count the rows would make the processor wait for the device
        drawn = torch.randn(like.shape, dtype=like.dtype, device=like.device, generator=generator)
        return drawn.mul_(std), torch.where(rows, torch.arange(len(rows), device=like.device), -1)
    size, count = like[:1].numel(), int(rows.sum())
    seed = int(torch.randint(2**63 - 1, (), generator=generator))
    words = np.random.SFC64(seed).random_raw((count * size + 3) // 4)  # twice as fast as torch's bits
    levels = torch.from_numpy(words.view(np.uint16).astype(np.int32))[: count * size]
    drawn = _quantiles(std).index_select(0, levels).view(count, *like.shape[1:]).to(like.dtype)
    return drawn, torch.where(rows, rows.cumsum(0) - 1, -1)


@kept
def _quantiles(std: float) -> Tensor:
    """(65536,), the normal quantiles at the middle of equal steps, scaled to a standard deviation."""
    middles = (torch.arange(_LEVELS, dtype=torch.float64) + 0.5) / _LEVELS
    quantiles = torch.special.ndtri(middles)
    return (quantiles * (std / quantiles.std(correction=0))).float()
