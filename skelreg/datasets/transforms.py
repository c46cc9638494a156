"""Deterministic transforms of one sequence, applied once, before frames are resampled.

A transform is built from a config and called with frames (T, M, V, C); it returns new frames of the
same shape, and leaves a body that is absent from a frame (all zeros) absent.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ..graphs import SkeletonLayout, get_layout
from ..registry import TRANSFORMS

Frames = NDArray[np.float32]


class _Centering:
    """What both centerings share: a joint, and the channels that are coordinates."""

    def __init__(
        self,
        layout: str | SkeletonLayout,
        joint: int | None = None,
        channels: Sequence[str] = ('x', 'y', 'z'),
    ) -> None:
        layout = get_layout(layout)
        self.joint = layout.centre if joint is None else joint
        if not 0 <= self.joint < layout.num_joints:
            raise ValueError(f'joint must be within 0..{layout.num_joints - 1} of {layout.name}, got {joint}')
        self._is_coordinate = np.array([name in ('x', 'y', 'z') for name in channels])

    def _subtract(self, frames: Frames, origin: Frames) -> Frames:
        """Subtract origin, broadcastable to (T, M, 1, C), from the coordinates of present bodies."""
        present = frames.any(axis=(2, 3), keepdims=True)  # (T, M, 1, 1)
        return frames - np.where(present & self._is_coordinate, origin, np.float32(0))


@TRANSFORMS.register_module()
class CenterEachFrame(_Centering):
    """Subtract, in every frame, each body's own joint: movement through the room is lost.

    Args:
        layout: Skeleton layout; the dataset supplies it.
        joint: Index of the joint, 0-based; None takes the layout's centre.
        channels: Names of the C axis; the dataset supplies them.
    """

    def __call__(self, frames: Frames) -> Frames:
        return self._subtract(frames, frames[:, :, self.joint : self.joint + 1])


@TRANSFORMS.register_module()
class CenterFirstFrame(_Centering):
    """Subtract the first body's joint in its first frame from everything: movement is kept.

    Args:
        layout: Skeleton layout; the dataset supplies it.
        joint: Index of the joint, 0-based; None takes the layout's centre.
        channels: Names of the C axis; the dataset supplies them.
    """

    def __call__(self, frames: Frames) -> Frames:
        present = np.flatnonzero(frames[:, 0].any(axis=(1, 2)))
        start = present[0] if len(present) else 0
        return self._subtract(frames, frames[start, :1, self.joint : self.joint + 1])
