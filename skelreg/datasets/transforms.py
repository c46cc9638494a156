"""Deterministic transforms of one sequence, applied once, before frames are resampled.

A transform is built from a config and called with frames (T, M, V, C); it returns new frames, of
another length perhaps, and leaves a body that is absent from a frame (all zeros) absent.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ..graphs import SkeletonLayout, get_layout
from ..registry import TRANSFORMS
from .resample import resample

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


@TRANSFORMS.register_module()
class CountedFrames:
    """As many frames as the first body is seen in, counted from the start; first the middle of a long one.

    The way in which the HiCLR release finds the length of a sequence. It takes absent frames to lie at
    the end: where they lie between others, as many are lost from the end.

    Args:
        max_frames: Of a sequence with more frames, so many from the middle are taken before counting.
    """

    def __init__(self, max_frames: int = 300) -> None:
        if max_frames < 1:
            raise ValueError(f'max_frames must be at least 1, got {max_frames}')
        self.max_frames = max_frames

    def __call__(self, frames: Frames) -> Frames:
        start = max(len(frames) - self.max_frames, 0) // 2
        frames = frames[start : start + self.max_frames]
        count = int(frames[:, 0, 0].any(axis=1).sum())
        # A sequence without a first body has no length in the release; here it stays as it is.
        return frames[: count or len(frames)]


@TRANSFORMS.register_module()
class ResampleFrames:
    """Linear interpolation along time to one length, for transforms that have to come after it.

    The dataset's own resampling, with the same `num_frames`, then changes nothing more.

    Args:
        num_frames: T.
    """

    def __init__(self, num_frames: int) -> None:
        if num_frames < 1:
            raise ValueError(f'num_frames must be at least 1, got {num_frames}')
        self.num_frames = num_frames

    def __call__(self, frames: Frames) -> Frames:
        return resample(frames, self.num_frames)


@TRANSFORMS.register_module()
class AlignShoulders:
    """Turn every body about the vertical y axis until its shoulders point along x, whatever the camera saw.

    The HiCLR release does so in every frame, after resampling. The angle is taken from the arc cosine,
    with 1e-4 added to the length of the shoulder line, so that it is exact only where that is long; which
    way to turn is decided once for a body, by where its shoulders point on the whole.

    Args:
        layout: Skeleton layout; the dataset supplies it.
        left: Name of the joint at which the shoulder line begins.
        right: Name of the joint at which it ends.
        channels: Names of the C axis, which must begin with x, y, z; the dataset supplies them.
        every_frame: False turns all frames of a body as the first one in which it is there, so that
            it still turns round where it did.
    """

    def __init__(
        self,
        layout: str | SkeletonLayout,
        left: str = 'left_shoulder',
        right: str = 'right_shoulder',
        channels: Sequence[str] = ('x', 'y', 'z'),
        every_frame: bool = True,
    ) -> None:
        layout = get_layout(layout)
        for joint in (left, right):
            if joint not in layout.joints:
                known = ', '.join(layout.joints)
                raise ValueError(f"layout '{layout.name}' has no joint '{joint}', but {known}")
        if tuple(channels[:3]) != ('x', 'y', 'z'):
            raise ValueError(f'channels must begin with x, y, z to be turned about y, got {tuple(channels)}')
        self._left, self._right = layout.joints.index(left), layout.joints.index(right)
        self.every_frame = every_frame

    def __call__(self, frames: Frames) -> Frames:
        line = (frames[:, :, self._right] - frames[:, :, self._left]).astype(np.float64)  # (T, M, C)
        if not self.every_frame:
            first = frames.any(axis=(2, 3)).argmax(axis=0)  # (M,)
            line = np.take_along_axis(line, first[None, :, None], axis=0)  # (1, M, C)
        along, away = line[..., 0], line[..., 2]
        angle = np.arccos(along / (np.hypot(along, away) + 1e-4))  # (T or 1, M), within 0 .. pi
        angle = np.where(away.sum(axis=0) >= 0, -angle, angle)[..., None]
        x, z = frames[..., 0].astype(np.float64), frames[..., 2].astype(np.float64)
        turned = frames.copy()
        turned[..., 0] = np.cos(angle) * x - np.sin(angle) * z
        turned[..., 2] = np.sin(angle) * x + np.cos(angle) * z
        return turned
