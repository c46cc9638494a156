"""The maths of augmentations that are no `axis_maps`: no randomness.

Skeletons are (N, C, T, V, M), each with parameters of its own, and come back in the same shape, type and
device. Functions whose name ends in an underscore may write over x, or return a new tensor: use the result.
The others leave x as it is. Joints and bodies are flattened before a mask is broadcast over them: a last axis
of one or two bodies makes torch's loops several times slower.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import pad

from .devices import on_cpu
from .kept import kept
from .precision import without_autocast

BLUR_REACH = 7
#: Frames of a block of the blur's product on a CPU (50 frames make three): smaller ones cost calls, larger
#: ones multiply more zeros.
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
    with without_autocast(x):
        if not on_cpu(x):  # to count the marks would make the processor wait for the device
            shares = _shares(sigma, x.shape[2], normalized).to(x.dtype)
            smooth = x + _moving_sum(x, shares, block=x.shape[2])
            return torch.where(applied.view(-1, 1, 1, 1, 1), smooth, x)
        chosen, rows = applied.nonzero().squeeze(1), x.flatten(1)
        shares = _shares(sigma.index_select(0, chosen), x.shape[2], normalized).to(x.dtype)
        marked = rows.index_select(0, chosen).view(-1, *x.shape[1:])
        added = _moving_sum(marked, shares, block=BLUR_BLOCK)
        return rows.index_add_(0, chosen, added.flatten(1)).view(x.shape)


def _shares(sigma: Tensor, t: int, normalized: bool) -> Tensor:
    """(N, T, 15): the share of each frame within reach in what smoothing adds to a frame."""
    squares, exists, own = _offsets(t, sigma.device)
    taps = torch.exp(squares / (-2 * sigma.square())[:, None])  # (N, 15)
    weights = taps[:, None] * exists
    if normalized:
        weights = weights / weights.sum(dim=2, keepdim=True)
    return weights - own


@kept
def _offsets(t: int, device: torch.device) -> tuple[Tensor, Tensor, Tensor]:
    """(15,) squared offsets; (T, 15), 1 where the frame at an offset exists; (15,), 1 at the offset 0."""
    offset = torch.arange(-BLUR_REACH, BLUR_REACH + 1, device=device)
    frame = torch.arange(t, device=device)[:, None] + offset
    return offset.square(), ((frame >= 0) & (frame < t)).float(), (offset == 0).float()


def _moving_sum(x: Tensor, shares: Tensor, block: int) -> Tensor:
    """For every frame the sum of the frames within reach times their shares; a block is one matrix product.

    Shape:
        x: (N, C, T, V, M); shares: (N, T, 15); output: as x.
    """
    n, c, t, v, m = x.shape
    rows, shares = x.reshape(n * c, t, v * m), shares.repeat_interleave(c, dim=0)
    sums = []
    for start in range(0, t, block):
        length = min(block, t - start)
        # Row i of the matrix has its 15 shares from column i on. They come there by being written into
        # rows that are one place longer than those they are read from.
        written = pad(shares[:, start : start + length], (0, length)).flatten(1)
        matrix = written[:, :-length].view(n * c, length, length + 2 * BLUR_REACH)
        first, last = max(0, start - BLUR_REACH), min(t, start + length + BLUR_REACH)
        ahead = start - BLUR_REACH
        sums.append(torch.bmm(matrix[:, :, first - ahead : last - ahead], rows[:, first:last]))
    return torch.cat(sums, dim=1).view(x.shape)


def present_bodies(x: Tensor) -> Tensor:
    """(N, 1, 1, 1, M) booleans: bodies that are not all zeros."""
    return _with_any_above_zero(x.abs())


def _with_any_above_zero(sizes: Tensor) -> Tensor:
    """(N, 1, 1, 1, M) booleans for numbers (N, C, T, V, M), none of them negative."""
    n, c, t, v, m = sizes.shape
    places = sizes.reshape(n, c * t, v * m).sum(dim=1)  # along whole rows, which is fastest
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
    if not on_cpu(x):  # as in `blur_`
        there = (place >= 0).view(-1, 1, 1, 1, 1)
        if keep_absent:
            there = there & present_bodies(x)
        return torch.addcmul(x, noise.index_select(0, place.clamp(min=0)), there.to(x.dtype))
    chosen, rows = (place >= 0).nonzero().squeeze(1), x.flatten(1)
    which = place.index_select(0, chosen)
    if not torch.equal(which, torch.arange(len(noise))):  # they seldom lie in another order
        noise = noise.index_select(0, which)
    if keep_absent:
        sizes = rows.detach().index_select(0, chosen).abs_()
        present = _with_any_above_zero(sizes.view(noise.shape)).to(x.dtype)
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
