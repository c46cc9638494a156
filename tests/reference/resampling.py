"""Resampling, one number at a time."""

from __future__ import annotations

import math

import numpy as np


def loop_resample(frames: np.ndarray, num_frames: int) -> np.ndarray:
    """(T, ...) -> (num_frames, ...), linear with half-pixel centres and clamped ends."""
    length = len(frames)
    result = np.empty((num_frames, *frames.shape[1:]))
    for i in range(num_frames):
        u = (i + 0.5) * length / num_frames - 0.5
        below = math.floor(u)
        share = u - below
        first = min(max(below, 0), length - 1)
        second = min(max(below + 1, 0), length - 1)
        result[i] = (1 - share) * frames[first].astype(np.float64) + share * frames[second].astype(np.float64)
    return result
