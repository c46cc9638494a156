"""Frames and metadata that tests of archives share."""

from __future__ import annotations

import numpy as np

META = dict(layout='nucla', channels=['x', 'y', 'z'], num_classes=10)


def random_frames(length: int, bodies: int = 1, seed: int = 0) -> np.ndarray:
    return np.random.default_rng([seed, length]).normal(size=(length, bodies, 20, 3)).astype(np.float32)
