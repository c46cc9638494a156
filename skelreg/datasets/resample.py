"""Bringing sequences of any length to one length."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def resample(frames: NDArray[np.float32], num_frames: int) -> NDArray[np.float32]:
    """Linear interpolation along time with half-pixel centres, as image resizing does it.

    Frame i of the result lies at u = (i + 0.5) * T / num_frames - 0.5 of the source, between its
    neighbours floor(u) and floor(u) + 1, both clamped to [0, T - 1].

    Shape:
        frames: (T, ...), T >= 1; output: (num_frames, ...).
    """
    length = len(frames)
    if length == num_frames:
        return np.array(frames, dtype=np.float32)
    position = (np.arange(num_frames) + 0.5) * length / num_frames - 0.5
    lower = np.floor(position).astype(np.int64)
    weight = (position - lower).astype(np.float32).reshape(-1, *(1,) * (frames.ndim - 1))
    before = frames[lower.clip(0, length - 1)]
    after = frames[(lower + 1).clip(0, length - 1)]
    return before + weight * (after - before)
