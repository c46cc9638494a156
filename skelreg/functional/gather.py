"""Rows from all processes of a distributed run."""

from __future__ import annotations

import torch
from torch import Tensor


def gather_rows(rows: Tensor) -> Tensor:
    """The rows of all ranks, in the order of the ranks; ``rows`` itself where there is one process.

    Shape:
        rows: (N, ...), N may differ between ranks; output: (sum of N, ...).
    """
    distributed = torch.distributed
    if not (distributed.is_available() and distributed.is_initialized()) or distributed.get_world_size() == 1:
        return rows
    own = torch.tensor(len(rows), device=rows.device)
    sizes = [torch.zeros_like(own) for _ in range(distributed.get_world_size())]
    distributed.all_gather(sizes, own)
    longest = int(torch.stack(sizes).max())
    padded = torch.cat([rows, rows.new_zeros(longest - len(rows), *rows.shape[1:])])
    gathered = [torch.empty_like(padded) for _ in sizes]
    distributed.all_gather(gathered, padded)
    return torch.cat([part[: int(size)] for part, size in zip(gathered, sizes, strict=True)])
