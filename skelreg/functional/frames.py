"""Which frames of a recording are looked at."""

from __future__ import annotations

import torch
from torch import Generator, Tensor

from .global_batch import sample_rows


def segment_frames(lengths: Tensor, num_frames: int, generator: Generator | None = None) -> Tensor:
    """One random frame out of each of ``num_frames`` equal segments of every sequence.

    Args:
        lengths: Frames that were recorded, at least 1; a sequence shorter than the segments are many
            repeats frames.
        num_frames: How many segments.
        generator: On the device of ``lengths``; None takes torch's global one.
    Shape:
        lengths: (N,) int64; output: (N, num_frames) int64, never falling along a row.
    """

    def places(like: Tensor) -> dict[str, Tensor]:
        return {'place': torch.rand(len(like), num_frames, device=like.device, generator=generator)}

    return _at(lengths, sample_rows(places, lengths, generator)['place'])


def segment_centers(lengths: Tensor, num_frames: int) -> Tensor:
    """The middle frame of each segment: `segment_frames` without chance; shapes as there."""
    return _at(lengths, torch.full((len(lengths), num_frames), 0.5, device=lengths.device))


def _at(lengths: Tensor, place: Tensor) -> Tensor:
    """Frames at a place in [0, 1) of each segment, in double precision: float32 can round up to the end."""
    segment = torch.arange(place.shape[1], device=place.device, dtype=torch.float64)
    frames = ((segment + place.double()) * lengths[:, None] / place.shape[1]).long()
    return torch.minimum(frames, lengths[:, None] - 1)


def take_frames(x: Tensor, frames: Tensor) -> Tensor:
    """The chosen frames of every sequence.

    Shape:
        x: (N, C, T, V, M); frames: (N, T') int64 in [0, T); output: (N, C, T', V, M).
    """
    n, c, _, v, m = x.shape
    index = frames[:, None, :, None, None].expand(n, c, frames.shape[1], v, m)
    return x.gather(2, index)
