"""Weights as functions of the epoch."""

from __future__ import annotations


def ramp(epoch: int, length: int) -> float:
    """A factor that grows from 0 in epoch 0 to 1 in epoch ``length``, and stays; length 0 is 1 at once."""
    return 1.0 if length == 0 else min(epoch / length, 1.0)
