"""Augmentations of one sequence (C, T, V, M), written as loops over NumPy arrays."""

import math

import numpy as np
import torch


def temporal_crop(x, start, padding):
    t = x.shape[1]
    frames = [x[:, i] for i in reversed(range(padding))]
    frames += [x[:, i] for i in range(t)]
    frames += [x[:, t - 1 - i] for i in range(padding)]
    return np.stack(frames[start : start + t], axis=1)


def linear_map(x, matrix):
    out = np.zeros_like(x)
    for i in range(3):
        for j in range(3):
            out[i] += matrix[i][j] * x[j]
    return out


def rotate(x, degrees):
    a, b, c = (math.radians(angle) for angle in degrees)
    about_x = [[1, 0, 0], [0, math.cos(a), math.sin(a)], [0, -math.sin(a), math.cos(a)]]
    about_y = [[math.cos(b), 0, -math.sin(b)], [0, 1, 0], [math.sin(b), 0, math.cos(b)]]
    about_z = [[math.cos(c), math.sin(c), 0], [-math.sin(c), math.cos(c), 0], [0, 0, 1]]
    for matrix in (about_x, about_y, about_z):
        x = linear_map(x, matrix)
    return x


def spatial_flip(x, mirror_pairs, mirror_coordinate):
    out = x.copy()
    for left, right in mirror_pairs:
        out[:, :, left], out[:, :, right] = x[:, :, right], x[:, :, left]
    if mirror_coordinate:
        out[0] = -out[0]
    return out


def blur(x, sigma, normalized):
    t = x.shape[1]
    out = np.zeros_like(x)
    for i in range(t):
        total = 0.0
        for k in range(-7, 8):
            if 0 <= i + k < t:
                weight = math.exp(-(k**2) / (2 * sigma**2))
                out[:, i] += weight * x[:, i + k]
                total += weight
        if normalized:
            out[:, i] /= total
    return out


def fill_mask(x, mask, fill, keep_absent):
    _, t, v, m = x.shape
    out = x.copy()
    for body in range(m):
        if keep_absent and not x[..., body].any():
            continue
        for frame in range(t):
            for joint in range(v):
                if mask[frame, joint]:
                    out[:, frame, joint, body] = fill
    return out


def assert_each(out, x, oracle, *params):
    """Compare a batch with an oracle of one sequence, each with its own parameters."""
    expected = [oracle(sample.numpy(), *own) for sample, *own in zip(x, *params, strict=True)]
    torch.testing.assert_close(out, torch.from_numpy(np.stack(expected)))
