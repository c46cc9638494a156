"""Augmentations that rearrange or mix along single axes: put together first, computed once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from .kept import kept
from .precision import without_autocast


class AxisMaps(NamedTuple):
    """What becomes of channels, frames and joints, each axis by itself; call it with the data.

    Result r at (c, t, v, m) is the sum over d of channels[r, c, d] x[n, d, frames[r, t], joints[r, v], m],
    n = r // copies. Maps of different axes commute, so that a chain of them is one of each, and costs a
    pass over the data for each axis, however long it is.

    Attributes:
        channels: (R, C, C) matrices, or (R, C) their diagonals where nothing is mixed; None for no change.
        frames: (R, T) int64, where each frame comes from; None for no change.
        joints: (R, V) int64, where each joint comes from; None for no change.
        copies: Results that every sequence gives, beside each other; R = N * copies.
    """

    channels: Tensor | None = None
    frames: Tensor | None = None
    joints: Tensor | None = None
    copies: int = 1

    def __call__(self, x: Tensor) -> Tensor:
        """The results (R, C, T, V, M) for x (N, C, T, V, M); x itself if there is nothing to do.

        Raises:
            ValueError: If the maps are for another number of results, channels, frames or joints.
        """
        copies = self.copies
        if self.channels is None and self.frames is None and self.joints is None and copies == 1:
            return x
        misfit = self.misfit(x)
        if misfit:
            raise ValueError(misfit)
        mapped = x
        if self.channels is not None:
            mapped, copies = _map_channels(mapped, self.channels, copies), 1
        if self.frames is not None:
            mapped, copies = _take_frames(mapped, self.frames, copies), 1
        if copies > 1:
            mapped = mapped.repeat_interleave(copies, dim=0)
        return mapped if self.joints is None else _take_joints(mapped, self.joints)

    def misfit(self, x: Tensor) -> str:
        """What keeps the maps from being those of x (N, C, T, V, M), in words; an empty text if they fit."""
        rows = x.shape[0] * self.copies
        for part, size, name in zip(self[:3], x.shape[1:4], ('channels', 'frames', 'joints'), strict=True):
            if part is None or part.shape == (rows, size):
                continue
            if part.shape[1] != size:
                return f'it is for {part.shape[1]} {name}, the batch has {size}'
            matrix = (rows, size, size)
            if name != 'channels':
                return f'its {name} are of shape {tuple(part.shape)}, not {(rows, size)}'
            if part.shape != matrix:
                return f'its channels are of shape {tuple(part.shape)}, not {(rows, size)} or {matrix}'
        return ''

    def then(self, later: AxisMaps) -> AxisMaps:
        """These maps followed by ``later``, whose N is our R, as one."""
        return AxisMaps(
            _product(later.channels, self.channels), _chain(self.frames, later.frames),
            _chain(self.joints, later.joints), self.copies,
        )

    def stand_in(self, x: Tensor) -> Tensor:
        """A tensor shaped as the results for x, which are not computed yet: all its numbers are NaN."""
        return _nan((x.shape[0] * self.copies, *x.shape[1:]), x.dtype, x.device)

    @classmethod
    def together(cls, several: Sequence[AxisMaps]) -> AxisMaps | None:
        """Maps of the same sequences, one copy each, as one of several; None if they change other axes."""
        forms = {tuple(None if part is None else part.ndim for part in maps[:3]) for maps in several}
        if len(forms) > 1:
            return None
        channels, frames, joints = (
            None if parts[0] is None else torch.stack(parts, dim=1).flatten(0, 1)
            for parts in zip(*(maps[:3] for maps in several), strict=True)
        )
        return cls(channels, frames, joints, len(several))

    def apart(self, views: int) -> list[AxisMaps]:
        """Undo `together`: the maps of every view alone, where the R results are those of so many views."""
        channels, frames, joints = (
            [None] * views if part is None else part.unflatten(0, (len(part) // views, views)).unbind(1)
            for part in self[:3]
        )
        return [AxisMaps(*parts) for parts in zip(channels, frames, joints, strict=True)]


@kept
def _nan(shape: tuple[int, ...], dtype: torch.dtype, device: torch.device) -> Tensor:
    """One NaN, expanded: it takes no memory."""
    return torch.full((), torch.nan, dtype=dtype, device=device).expand(shape)


def _map_channels(x: Tensor, channels: Tensor, copies: int) -> Tensor:
    n, c, t, v, m = x.shape
    channels, rows = channels.to(x.dtype), x.flatten(2)  # torch's loops are slow on a last axis of one or two
    if channels.ndim == 2:
        mapped = rows[:, None] * channels.reshape(n, copies, c, 1)
    else:
        with without_autocast(x):
            mapped = torch.bmm(channels.reshape(n, copies * c, c), rows)
    return mapped.view(n * copies, c, t, v, m)


def _take_frames(x: Tensor, frames: Tensor, copies: int) -> Tensor:
    n, c, t, v, m = x.shape
    chosen = _first_frames(n, copies, c, t, x.device) + frames[:, None]  # (R, C, T)
    return x.reshape(n * c * t, v * m).index_select(0, chosen.flatten()).view(n * copies, c, t, v, m)


@kept
def _first_frames(n: int, copies: int, c: int, t: int, device: torch.device) -> Tensor:
    """(R, C, 1): where frame 0 of every result's sequence and channel lies among the N * C * T rows."""
    first = torch.arange(0, n * c * t, t, device=device).view(n, c, 1)
    return first.repeat_interleave(copies, dim=0)


def _take_joints(x: Tensor, joints: Tensor) -> Tensor:
    # On a CPU `gather` is two to three times as fast as indexing the joints and choosing sequences, and
    # twice as fast again where the two bodies of a joint travel as one number.
    n, c, t, v, m = x.shape
    if m == 2 and _lies_in_pairs(x):
        places = joints.reshape(n, 1, 1, v).expand(n, c, t, v)
        return torch.view_as_real(torch.view_as_complex(x).gather(3, places))
    body = torch.arange(m, device=x.device)
    places = (joints[:, :, None] * m + body).view(n, 1, 1, v * m).expand(n, c, t, v * m)
    return x.flatten(3).gather(3, places).reshape(x.shape)


def _lies_in_pairs(x: Tensor) -> bool:
    """Whether `torch.view_as_complex` accepts x, which may be a slice of another batch."""
    apart = (x.storage_offset(), *x.stride()[:-1])
    is_paired = x.stride(-1) == 1 and all(number % 2 == 0 for number in apart)
    return is_paired and x.dtype in (torch.float32, torch.float64)


def _chain(first: Tensor | None, then: Tensor | None) -> Tensor | None:
    """Where things come from in the end: (R, L) int64 each."""
    if first is None or then is None:
        return then if first is None else first
    return first.gather(1, then)


def _product(later: Tensor | None, first: Tensor | None) -> Tensor | None:
    """later @ first, each a matrix (R, C, C) or its diagonal (R, C)."""
    if later is None or first is None:
        return first if later is None else later
    if later.ndim == 2:
        return later * first if first.ndim == 2 else later[:, :, None] * first
    if first.ndim == 2:
        return later * first[:, None]
    dtype = torch.promote_types(later.dtype, first.dtype)
    with without_autocast(later):
        return torch.bmm(later.to(dtype), first.to(dtype))


def temporal_crop(start: Tensor, padding: int, num_frames: int) -> AxisMaps:
    """Pad both ends with their own reversed frames and cut as many frames out again.

    Args:
        start: (N,) int64, first frame of the cut in the padded sequence, in [0, 2 padding];
            ``padding`` itself leaves a sequence as it is.
        padding: Frames that are put before and behind, at most T; the edge frame is repeated.
        num_frames: T.
    """
    return AxisMaps(frames=_cuts(padding, num_frames, start.device)[start])


@kept
def _cuts(padding: int, num_frames: int, device: torch.device) -> Tensor:
    """(2 padding + 1, T): the frames of every cut."""
    frames = torch.arange(-padding, num_frames + padding, device=device)
    frames = torch.maximum(frames, -1 - frames)  # those before the first frame, reversed
    frames = torch.minimum(frames, 2 * num_frames - 1 - frames)  # and behind the last one
    return frames.unfold(0, num_frames, 1)


def time_flip(applied: Tensor, num_frames: int) -> AxisMaps:
    """Play the sequences that ``applied`` (N,) marks backwards."""
    own = _own_places(num_frames, applied.device)
    return AxisMaps(frames=torch.where(applied[:, None], own.flip(0), own))


@kept
def _own_places(size: int, device: torch.device) -> Tensor:
    return torch.arange(size, device=device)


def shear(factors: Tensor) -> AxisMaps:
    """Shear with I + factors.

    Args:
        factors: (N, 3, 3), zero on the diagonal, unitless, usually within [-0.5, 0.5].
    """
    return AxisMaps(channels=_unit(3, factors.device) + factors)


@kept
def _unit(size: int, device: torch.device) -> Tensor:
    return torch.eye(size, dtype=torch.float32, device=device)


def rotate(degrees: Tensor) -> AxisMaps:
    """Rotate about the origin: R_z R_y R_x for angles about x, y and z, against the right-hand rule.

    Args:
        degrees: (N, 3).
    """
    radians = degrees.deg2rad()[:, :, None]
    constant, of_cos, of_sin = _rotations(degrees.device)  # (3, 9) each
    about = torch.addcmul(torch.addcmul(constant, radians.cos(), of_cos), radians.sin(), of_sin)
    about_x, about_y, about_z = about.view(-1, 3, 3, 3).unbind(1)  # (N, 3, 3) each
    with without_autocast(degrees):
        return AxisMaps(channels=torch.bmm(about_z, torch.bmm(about_y, about_x)))


@kept
def _rotations(device: torch.device) -> Tensor:
    """(3, 3, 9): constants, factors of cosines and of sines in the matrices about x, y and z."""
    parts = torch.zeros(3, 3, 3, 3, dtype=torch.float32)  # part, axis of rotation, row, column
    for axis in range(3):
        one, two = (axis + 1) % 3, (axis + 2) % 3
        parts[0, axis, axis, axis] = 1
        parts[1, axis, one, one] = parts[1, axis, two, two] = 1
        parts[2, axis, one, two], parts[2, axis, two, one] = 1, -1
    return parts.flatten(2).to(device)


def spatial_flip(applied: Tensor, flip_index: Tensor, mirrored_channels: int = 0) -> AxisMaps:
    """Exchange left and right joints.

    Args:
        applied: (N,) booleans, which sequences are flipped.
        flip_index: (V,) where each joint comes from.
        mirrored_channels: C to negate the first coordinate too, so that the result is a mirror image;
            0 only changes the names of the joints.
    """
    joints = torch.where(applied[:, None], flip_index, _own_places(len(flip_index), applied.device))
    if not mirrored_channels:
        return AxisMaps(joints=joints)
    same, mirrored = _signs(mirrored_channels, applied.device)
    return AxisMaps(channels=torch.where(applied[:, None], mirrored, same), joints=joints)


@kept
def _signs(num_channels: int, device: torch.device) -> Tensor:
    """(2, C): factors that leave the channels as they are, and those that negate the first one."""
    signs = torch.ones(2, num_channels, dtype=torch.float32, device=device)
    signs[1, 0] = -1
    return signs


def axis_mask(axis: Tensor, num_channels: int) -> AxisMaps:
    """Set one coordinate of each sequence to zero.

    Args:
        axis: (N,) channel that is lost, in [0, C); -1 leaves a sequence as it is.
        num_channels: C.
    """
    return AxisMaps(channels=_masks(num_channels, axis.device)[axis])


@kept
def _masks(num_channels: int, device: torch.device) -> Tensor:
    """(C + 1, C): row i is 0 for channel i; the last one, which -1 takes, is 1 for all."""
    return 1 - torch.eye(num_channels + 1, num_channels, dtype=torch.float32, device=device)
