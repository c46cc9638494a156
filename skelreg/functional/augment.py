"""The maths of augmentations: no randomness, one parameter a sequence, never in place.

Every function takes x (N, C, T, V, M) and returns a tensor of the same shape, type and device. Joints
and bodies are flattened before a mask or an index is broadcast over them: a last axis of one or two
bodies makes torch's loops several times slower.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

BLUR_REACH = 7
ADAIN_EPSILON = 1e-5


def temporal_crop(x: Tensor, start: Tensor, padding: int) -> Tensor:
    """Pad both ends with their own reversed frames and cut T frames out again.

    Args:
        x: Skeletons.
        start: (N,) int64, first frame of the cut in the padded sequence, in [0, 2 padding];
            ``padding`` itself leaves a sequence as it is.
        padding: Frames that are put before and behind, at most T; the edge frame is repeated.
    """
    num_frames = x.shape[2]
    frames = start[:, None] - padding + torch.arange(num_frames, device=x.device)  # (N, T)
    frames = torch.maximum(frames, -1 - frames)  # those before the first frame, reversed
    frames = torch.minimum(frames, 2 * num_frames - 1 - frames)  # those behind the last one
    rows = x.flatten(3).flatten(0, 2)  # (N * C * T, V * M)
    first = torch.arange(0, len(rows), num_frames, device=x.device).reshape(x.shape[0], x.shape[1], 1)
    return rows.index_select(0, (first + frames[:, None]).flatten()).reshape(x.shape)


def linear_map(x: Tensor, matrix: Tensor) -> Tensor:
    """Multiply every joint's coordinates with one matrix (N, 3, 3) a sequence.

    Raises:
        ValueError: If x has not three coordinate channels.
    """
    if x.shape[1] != 3:
        raise ValueError(f'shear and rotation need the channels x, y, z, got {x.shape[1]} channels')
    with torch.autocast(x.device.type, enabled=False):
        return (matrix.to(x.dtype) @ x.flatten(2)).reshape(x.shape)  # (N, 3, T * V * M) and back


def shear(x: Tensor, factors: Tensor) -> Tensor:
    """Shear with I + factors.

    Args:
        x: Skeletons.
        factors: (N, 3, 3), zero on the diagonal, unitless, usually within [-0.5, 0.5].
    Raises:
        ValueError: If x has not three coordinate channels.
    """
    return linear_map(x, torch.eye(3, device=x.device) + factors)


def rotation_matrix(degrees: Tensor) -> Tensor:
    """R_z R_y R_x for angles about x, y and z; positive angles turn against the right-hand rule.

    Shape:
        degrees: (N, 3); output: (N, 3, 3).
    """
    radians = degrees.deg2rad()
    cos, sin = radians.cos(), radians.sin()
    zero, one = torch.zeros_like(cos[:, 0]), torch.ones_like(cos[:, 0])
    (cx, cy, cz), (sx, sy, sz) = cos.unbind(1), sin.unbind(1)
    about_x = torch.stack([one, zero, zero, zero, cx, sx, zero, -sx, cx], dim=1).reshape(-1, 3, 3)
    about_y = torch.stack([cy, zero, -sy, zero, one, zero, sy, zero, cy], dim=1).reshape(-1, 3, 3)
    about_z = torch.stack([cz, sz, zero, -sz, cz, zero, zero, zero, one], dim=1).reshape(-1, 3, 3)
    with torch.autocast(degrees.device.type, enabled=False):
        return about_z @ about_y @ about_x


def rotate(x: Tensor, degrees: Tensor) -> Tensor:
    """Rotate about the origin by `rotation_matrix` of degrees (N, 3).

    Raises:
        ValueError: If x has not three coordinate channels.
    """
    return linear_map(x, rotation_matrix(degrees))


def spatial_flip(x: Tensor, flip_index: Tensor, applied: Tensor, mirror_coordinate: bool) -> Tensor:
    """Exchange left and right joints.

    Args:
        x: Skeletons.
        flip_index: (V,) where each joint comes from.
        applied: (N,) booleans, which sequences are flipped.
        mirror_coordinate: Also negate the x coordinate, so that the result is a mirror image;
            without it the joints only change their names.
    Raises:
        ValueError: If x has another number of joints than the index.
    """
    if x.shape[3] != len(flip_index):
        raise ValueError(f'the layout has {len(flip_index)} joints, the batch has {x.shape[3]}')
    v, m = x.shape[3:]
    own = torch.arange(v * m, device=x.device)
    source = (flip_index[:, None] * m + own[:m]).flatten()
    source = torch.where(applied[:, None], source, own)  # (N, V * M)
    rows = x.flatten(3)  # (N, C, T, V * M)
    # On a CPU this `gather` is two to three times as fast as indexing the joints and choosing sequences.
    flipped = rows.gather(3, source[:, None, None].expand(rows.shape))
    if mirror_coordinate:
        flipped[:, 0] *= (1 - 2 * applied.to(x.dtype))[:, None, None]
    return flipped.reshape(x.shape)


def time_flip(x: Tensor, applied: Tensor) -> Tensor:
    """Play the sequences that ``applied`` (N,) marks backwards."""
    return _apply_to_rows(lambda rows: rows.flip(2), x, applied)


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
    return _apply_to_rows(lambda rows, sigma: _blur(rows, sigma, normalized), x, applied, sigma)


def _blur(x: Tensor, sigma: Tensor, normalized: bool) -> Tensor:
    t = x.shape[2]
    offset = torch.arange(1 - t, t, device=x.device)
    taps = torch.exp(-offset.square() / (2 * sigma.square()[:, None]))  # (N, 2 T - 1), from end to end
    taps = torch.where(offset.abs() <= BLUR_REACH, taps, 0)
    weights = taps.unfold(1, t, 1).flip(1)  # (N, T, T), row i has the tap of offset j - i at j
    if normalized:
        weights = weights / weights.sum(dim=2, keepdim=True)
    with torch.autocast(x.device.type, enabled=False):
        blurred = weights.to(x.dtype)[:, None] @ x.flatten(3)  # (N, 1, T, T) @ (N, C, T, V * M)
    return blurred.reshape(x.shape)


def _apply_to_rows(function: Callable[..., Tensor], x: Tensor, applied: Tensor, *params: Tensor) -> Tensor:
    """function(x, *params) in the sequences that ``applied`` (N,) marks, x in the others."""
    if x.device.type != 'cpu':  # to count the marks would make the processor wait for the device
        return torch.where(applied[:, None, None, None, None], function(x, *params), x)
    rows = applied.nonzero().squeeze(1)
    return x.index_put((rows,), function(*(part.index_select(0, rows) for part in (x, *params))))


def axis_mask(x: Tensor, axis: Tensor) -> Tensor:
    """Set one coordinate of each sequence to zero.

    Args:
        x: Skeletons.
        axis: (N,) channel that is lost; -1 leaves a sequence as it is.
    """
    lost = torch.arange(x.shape[1], device=x.device) == axis[:, None]  # (N, C)
    return x * (~lost)[:, :, None, None, None].to(x.dtype)


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
