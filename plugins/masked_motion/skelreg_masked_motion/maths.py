"""The maths of masked motion prediction, without randomness and state."""

from __future__ import annotations

import torch
from torch import Tensor

#: Keeps a cell in which nothing moves from being divided by zero; in squared units of the skeleton.
EPSILON = 1e-6


def motion(x: Tensor, stride: int) -> Tensor:
    """What each joint does within the next ``stride`` frames; zero in the last ``stride`` ones.

    Shape:
        x: (N, C, T, V, M); output: as x.
    """
    if stride >= x.shape[2]:
        return torch.zeros_like(x)
    steps = x[:, :, stride:] - x[:, :, :-stride]
    return torch.cat([steps, torch.zeros_like(x[:, :, :stride])], dim=2)


def into_cells(x: Tensor, frames: int) -> Tensor:
    """Cut the frames into cells, the last one filled up with zeros.

    Shape:
        x: (N, C, T, V, M); output: (N, C, ceil(T / frames), frames, V, M).
    """
    n, c, t, v, m = x.shape
    lacking = -t % frames
    filled = torch.cat([x, x.new_zeros(n, c, lacking, v, m)], dim=2)
    return filled.view(n, c, -1, frames, v, m)


def standardise(x: Tensor, frames: int) -> Tensor:
    """Each cell of one joint with mean 0 and standard deviation 1 over its frames and channels.

    Shape:
        x: (N, C, T, V, M); output: as x.
    """
    cells = into_cells(x, frames)
    mean, variance = cells.mean(dim=(1, 3), keepdim=True), cells.var(dim=(1, 3), keepdim=True)
    scaled = (cells - mean) / (variance + EPSILON).sqrt()
    return scaled.flatten(2, 3)[:, :, : x.shape[2]]


def amount_of_motion(x: Tensor, frames: int) -> Tensor:
    """How much each joint moves in each cell: the mean absolute step from the cell before.

    The first cell has no cell before it and counts as the second.

    Shape:
        x: (N, C, T, V, M); output: (N, ceil(T / frames), V), in units of the skeleton.
    """
    cells = into_cells(x, frames)
    steps = (cells[:, :, 1:] - cells[:, :, :-1]).abs().mean(dim=(1, 3, 5))  # (N, T' - 1, V)
    if not steps.shape[1]:
        return x.new_zeros(len(x), 1, x.shape[3])
    return torch.cat([steps[:, :1], steps], dim=1)
