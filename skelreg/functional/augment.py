"""The maths of augmentations that are no `axis_maps`: no randomness, never in place.

Skeletons are (N, C, T, V, M), each with parameters of its own, and come back in the same shape, type and
device. Joints and bodies are flattened before a mask is broadcast over them: a last axis of one or two
bodies makes torch's loops several times slower.
"""

from __future__ import annotations

from functools import lru_cache

import torch
from torch import Tensor

BLUR_REACH = 7
ADAIN_EPSILON = 1e-5


def blur(x: Tensor, sigma: Tensor, applied: Tensor, normalized: bool) -> Tensor:
    """Smooth along time with a Gaussian of 15 taps.

    Args:
        x: Skeletons.
        sigma: (N,) standard deviation in frames, > 0.
        applied: (N,) booleans, which sequences are smoothed.
        normalized: Each frame becomes a weighted mean of the frames within reach, near the ends of
            those that exist. Otherwise the raw weights exp(-k^2 / 2 sigma^2) are summed up and
            frames beyond the ends count as zero: the result is larger by 1 to 5 times.
    """
    with torch.autocast(x.device.type, enabled=False):
        if x.device.type != 'cpu':  # to count the marks would make the processor wait for the device
            return torch.where(applied[:, None, None, None, None], _blur(x, sigma, normalized), x)
        rows = applied.nonzero().squeeze(1)
        blurred = _blur(x.index_select(0, rows), sigma.index_select(0, rows), normalized)
        return x.index_copy(0, rows, blurred)


def _blur(x: Tensor, sigma: Tensor, normalized: bool) -> Tensor:
    n, c, t, v, m = x.shape
    squares, within = _offsets(t, x.device)
    taps = torch.exp(squares / (-2 * sigma.square())[:, None]) * within  # (N, 2 T - 1), from end to end
    weights = taps.unfold(1, t, 1).flip(1)  # (N, T, T), row i has the tap of offset j - i at j
    weights = weights[:, None].expand(n, c, t, t)
    if normalized:
        weights = weights / weights[:, :1].sum(dim=3, keepdim=True)
    return torch.bmm(weights.to(x.dtype).flatten(0, 1), x.reshape(n * c, t, v * m)).view(x.shape)


@lru_cache(maxsize=32)
def _offsets(t: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """(2 T - 1) each: squared offsets between frames, and whether they are within reach."""
    with torch.inference_mode(False):  # what is kept here must serve a later training step too
        offset = torch.arange(1 - t, t, device=device)
        return offset.square(), offset.abs() <= BLUR_REACH


def present_bodies(x: Tensor) -> Tensor:
    """(N, 1, 1, 1, M) booleans: bodies that are not all zeros."""
    n, c, t, v, m = x.shape
    places = x.reshape(n, c * t, v * m).abs().sum(dim=1)  # along whole rows, which is fastest
    return places.view(n, 1, 1, v, m).sum(dim=3, keepdim=True) != 0


def add_to_present(x: Tensor, values: Tensor) -> Tensor:
    """x + values, both (N, C, T, V, M), but for the bodies that are all zeros in x."""
    n, _, _, v, m = x.shape
    present = present_bodies(x).expand(n, 1, 1, v, m).reshape(n, 1, 1, v * m).to(x.dtype)
    return torch.addcmul(x.flatten(3), values.flatten(3), present).reshape(x.shape)


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
