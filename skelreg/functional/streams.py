"""The three inputs that skeletons are encoded from: joints, bones and their motion."""

from __future__ import annotations

import torch
from torch import Tensor

from ..graphs import SkeletonLayout, get_layout
from .kept import kept

STREAMS = ('joint', 'bone', 'motion')


def bone(x: Tensor, layout: str | SkeletonLayout) -> Tensor:
    """The vector from each joint's parent to the joint; zero for the root and for absent bodies.

    Shape:
        x: (N, C, T, V, M); output: as x.
    Raises:
        ValueError: If x has another number of joints than the layout.
    """
    layout = get_layout(layout)
    if x.shape[3] != layout.num_joints:
        raise ValueError(f"layout '{layout.name}' has {layout.num_joints} joints, the batch has {x.shape[3]}")
    return x - x.index_select(3, _parents(tuple(layout.parents), x.device))


@kept
def _parents(parents: tuple[int, ...], device: torch.device) -> Tensor:
    """The index of the parents, kept on the device: a copy to a GPU in every step would hold it up."""
    return torch.tensor(parents, device=device)


def motion(x: Tensor) -> Tensor:
    """The step from each frame to the next; zero in the last frame.

    Shape:
        x: (N, C, T, V, M); output: as x.
    """
    steps = x[:, :, 1:] - x[:, :, :-1]
    return torch.cat([steps, torch.zeros_like(x[:, :, :1])], dim=2)


def to_stream(x: Tensor, stream: str, layout: str | SkeletonLayout) -> Tensor:
    """Turn coordinates into a stream.

    Args:
        x: Coordinates.
        stream: 'joint' (x itself), 'bone' or 'motion'.
        layout: Whose bones.
    Shape:
        x: (N, C, T, V, M); output: as x.
    Raises:
        ValueError: If there is no such stream, or the layout does not fit the batch.
    """
    if stream == 'joint':
        return x
    if stream == 'bone':
        return bone(x, layout)
    if stream == 'motion':
        return motion(x)
    raise ValueError(f'stream must be one of {", ".join(STREAMS)}, got {stream!r}')
