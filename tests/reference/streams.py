"""Streams of a batch (N, C, T, V, M), written as loops."""

import numpy as np


def bone(x, edges):
    out = np.zeros_like(x)
    for child, parent in edges:
        out[:, :, :, child] = x[:, :, :, child] - x[:, :, :, parent]
    return out


def motion(x):
    out = np.zeros_like(x)
    for frame in range(x.shape[2] - 1):
        out[:, :, frame] = x[:, :, frame + 1] - x[:, :, frame]
    return out
