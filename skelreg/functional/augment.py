"""The maths of augmentations that are no `axis_maps`: no randomness.

Skeletons are (N, C, T, V, M), each with parameters of its own, and come back in the same shape, type and
device. Functions whose name ends in an underscore may write over x; the others leave it as it is. Joints and
bodies are flattened before a mask is broadcast over them: a last axis of one or two bodies makes torch's
loops several times slower.
"""

from __future__ import annotations

from functools import lru_cache

import torch
from torch import Tensor

BLUR_REACH = 7
#: Frames of a block of the blur's product, some 16 on a CPU: smaller ones cost calls, larger ones zeros.
BLUR_BLOCK = 17
ADAIN_EPSILON = 1e-5


def blur_(x: Tensor, sigma: Tensor, applied: Tensor, normalized: bool) -> Tensor:
    """Smooth along time with a Gaussian of 15 taps.

    Args:
        x: Skeletons.
        sigma: (N,) standard deviation in frames, > 0.
        applied: (N,) booleans, which sequences are smoothed.
        normalized: Each frame becomes a weighted mean of the frames within reach, near the ends of
            those that exist. Otherwise the raw weights exp(-k^2 / 2 sigma^2) are summed up and
            frames beyond the ends count as zero: the result is larger by 1 to 5 times.
    """
    n, c, t, v, m = x.shape
    with torch.autocast(x.device.type, enabled=False):
        if x.device.type != 'cpu':  # to count the marks would make the processor wait for the device
            changes = (_blur_changes(sigma, t, normalized) * applied[:, None, None]).to(x.dtype)
            rows = x.reshape(n * c, t, v * m)
            return torch.baddbmm(rows, changes.repeat_interleave(c, dim=0), rows).view(x.shape)
        chosen, rows = applied.nonzero().squeeze(1), x.flatten(1)
        changes = _blur_changes(sigma.index_select(0, chosen), t, normalized).to(x.dtype)
        marked = rows.index_select(0, chosen).view(-1, t, v * m)
        added = _banded_product(changes.repeat_interleave(c, dim=0), marked)
        return rows.index_add_(0, chosen, added.view(len(chosen), c * t * v * m)).view(x.shape)


def _blur_changes(sigma: Tensor, t: int, normalized: bool) -> Tensor:
    """(N, T, T): the share of each frame in what is added to each frame, zero beyond the reach."""
    squares, within, own = _offsets(t, sigma.device)
    taps = torch.exp(squares / (-2 * sigma.square())[:, None]) * within  # (N, 2 T - 1), from end to end
    weights = taps.unfold(1, t, 1).flip(1)  # row i has the tap of offset j - i at j
    if normalized:
        weights = weights / weights.sum(dim=2, keepdim=True)
    return weights - own


def _banded_product(weights: Tensor, rows: Tensor) -> Tensor:
    """Batched weights (R, T, T), zero beyond the reach, times rows (R, T, L), in blocks of the band."""
    t = rows.shape[1]
    starts = range(0, t, BLUR_BLOCK)
    parts = []
    for start in starts:
        end, first, last = start + BLUR_BLOCK, max(0, start - BLUR_REACH), start + BLUR_BLOCK + BLUR_REACH
        parts.append(torch.bmm(weights[:, start:end, first:last], rows[:, first:last]))
    return torch.cat(parts, dim=1)


@lru_cache(maxsize=32)
def _offsets(t: int, device: torch.device) -> tuple[Tensor, Tensor, Tensor]:
    """(2 T - 1) each: squared offsets between frames, and whether they are within reach; (T, T) the unit."""
    with torch.inference_mode(False):  # what is kept here must serve a later training step too
        offset = torch.arange(1 - t, t, device=device)
        return offset.square(), offset.abs() <= BLUR_REACH, torch.eye(t, device=device)


def present_bodies(x: Tensor) -> Tensor:
    """(N, 1, 1, 1, M) booleans: bodies that are not all zeros."""
    n, c, t, v, m = x.shape
    places = x.reshape(n, c * t, v * m).abs().sum(dim=1)  # along whole rows, which is fastest
    return places.view(n, 1, 1, v, m).sum(dim=3, keepdim=True) != 0


def add_noise_(x: Tensor, noise: Tensor, place: Tensor, keep_absent: bool) -> Tensor:
    """Add to each sequence its row of noise.

    Args:
        x: Skeletons.
        noise: (K, C, T, V, M) rows for some of the sequences.
        place: (N,) int64, which row a sequence gets; -1 for none.
        keep_absent: Leave bodies that are all zeros in x as they are.
    """
    noise = noise.to(x.dtype)
    if x.device.type != 'cpu':  # as in `blur_`
        there = (place >= 0).view(-1, 1, 1, 1, 1)
        if keep_absent:
            there = there & present_bodies(x)
        return torch.addcmul(x, noise.index_select(0, place.clamp(min=0)), there.to(x.dtype))
    chosen, rows = (place >= 0).nonzero().squeeze(1), x.flatten(1)
    which = place.index_select(0, chosen)
    if not torch.equal(which, torch.arange(len(noise))):  # they seldom lie in another order
        noise = noise.index_select(0, which)
    if keep_absent:
        present = present_bodies(rows.index_select(0, chosen).view(noise.shape)).to(x.dtype)
        noise = noise.flatten(3) * present.expand(*present.shape[:3], *x.shape[3:]).flatten(3)
    return rows.index_add_(0, chosen, noise.flatten(1)).view(x.shape)


def selection_mask(indices: Tensor, size: int) -> Tensor:
    """Booleans that are true at the given places.

    Shape:
        indices: (..., k) int64 in [0, size); output: (..., size).
    """
    mask = torch.zeros(*indices.shape[:-1], size, dtype=torch.bool, device=indices.device)
    return mask.scatter(-1, indices, True)


def fill_mask(x: Tensor, mask: Tensor, fill: Tensor, keep_absent: bool) -> Tensor:
    """Replace masked joints, all channels and bodies of them, by one value.

    Args:
        x: Skeletons.
        mask: (N, T, V) booleans, or (1, T, V) for all sequences alike; true is masked.
        fill: One number; the gradient reaches it.
        keep_absent: Leave bodies that are all zeros as they are.
    """
    n, _, t, v, m = x.shape
    hidden = mask[..., None].expand(n, t, v, m)
    if keep_absent:
        hidden = hidden & present_bodies(x).reshape(n, 1, 1, m)
    joints = torch.where(hidden.flatten(2)[:, None], fill.to(x.dtype), x.flatten(3))  # (N, C, T, V * M)
    return joints.reshape(x.shape)


def adain(x: Tensor, style: Tensor, per_frame: bool) -> Tensor:
    """Replace mean and standard deviation of x by those of another batch of skeletons.

    Args:
        x: Skeletons.
        style: As x; gives the statistics.
        per_frame: Take them over the joints of every frame instead of over all frames and joints.
    """
    axes = (3,) if per_frame else (2, 3)

    def statistics(skeleton: Tensor) -> tuple[Tensor, Tensor]:
        variance, mean = torch.var_mean(skeleton, dim=axes, keepdim=True)
        return mean, (variance + ADAIN_EPSILON).sqrt()

    (mean, deviation), (style_mean, style_deviation) = statistics(x), statistics(style)
    return (x - mean) / deviation * style_deviation + style_mean
