"""Augmentations that rearrange or mix along single axes: put together first, computed once."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import torch
from torch import Tensor

#: What rotations are made of: constants, cosines and sines of the angles about x, y and z.
_ENTRIES = ('1', '0', 'cx', 'cy', 'cz', 'sx', 'sy', 'sz', '-sx', '-sy', '-sz')
#: The rotations about x, y and z, row by row.
_ROTATIONS = '1 0 0  0 cx sx  0 -sx cx', 'cy 0 -sy  0 1 0  sy 0 cy', 'cz sz 0  -sz cz 0  0 0 1'


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
        if copies == 1 and all(part is None for part in self[:3]):
            return x
        misfit = self.misfit(x)
        if misfit:
            raise ValueError(misfit)
        rows = x.flatten(3)  # (N, C, T, V * M): torch's loops are slow on a last axis of one or two bodies
        if self.channels is not None:
            rows, copies = _map_channels(rows, self.channels, copies), 1
        if self.frames is not None:
            rows, copies = _take_frames(rows, self.frames, copies), 1
        if copies > 1:
            rows = rows.repeat_interleave(copies, dim=0)
        if self.joints is not None:
            rows = _take_joints(rows, self.joints, x.shape[4])
        return rows.reshape(len(rows), *x.shape[1:])

    def misfit(self, x: Tensor) -> str:
        """What keeps the maps from being those of x (N, C, T, V, M), in words; an empty text if they fit."""
        rows = x.shape[0] * self.copies
        for part, size, name in zip(self[:3], x.shape[1:4], ('channels', 'frames', 'joints'), strict=True):
            if part is None:
                continue
            if part.shape[1] != size:
                return f'it is for {part.shape[1]} {name}, the batch has {size}'
            matrices = [(rows, size, size)] if name == 'channels' else []
            expected = [(rows, size), *matrices]
            if part.shape not in expected:
                shapes = ' or '.join(map(str, expected))
                return f'its {name} are of shape {tuple(part.shape)}, not {shapes}'
        return ''

    def then(self, later: AxisMaps) -> AxisMaps:
        """These maps, and after them ``later`` ones of their R results, as one."""
        return AxisMaps(
            _product(later.channels, self.channels), _chain(self.frames, later.frames),
            _chain(self.joints, later.joints), self.copies,
        )

    def stand_in(self, x: Tensor) -> Tensor:
        """A tensor shaped as the results for x, which are not computed yet: all its numbers are NaN."""
        return _nan(x.dtype, x.device).expand(x.shape[0] * self.copies, *x.shape[1:])

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


@lru_cache(maxsize=8)
def _nan(dtype: torch.dtype, device: torch.device) -> Tensor:
    with torch.inference_mode(False):  # what is kept here must serve a later training step too
        return torch.full((), torch.nan, dtype=dtype, device=device)


def _map_channels(rows: Tensor, channels: Tensor, copies: int) -> Tensor:
    n, c, t, places = rows.shape
    channels = channels.to(rows.dtype)
    if channels.ndim == 2:
        return (rows[:, None] * channels.view(n, copies, c, 1, 1)).flatten(0, 1)
    with torch.autocast(rows.device.type, enabled=False):
        mapped = torch.bmm(channels.reshape(n, copies * c, c), rows.flatten(2))
    return mapped.view(n * copies, c, t, places)


def _take_frames(rows: Tensor, frames: Tensor, copies: int) -> Tensor:
    n, c, t, places = rows.shape
    chosen = (_first_frames(n, copies, c, t, rows.device) + frames[:, None]).flatten()
    return rows.flatten(0, 2).index_select(0, chosen).view(n * copies, c, t, places)


@lru_cache(maxsize=32)
def _first_frames(n: int, copies: int, c: int, t: int, device: torch.device) -> Tensor:
    """(R, C, 1): where frame 0 of every result's sequence and channel lies among the N * C * T rows."""
    with torch.inference_mode(False):  # as above
        first = torch.arange(0, n * c * t, t, device=device).view(n, c, 1)
        return first.repeat_interleave(copies, dim=0)


def _take_joints(rows: Tensor, joints: Tensor, bodies: int) -> Tensor:
    # On a CPU `gather` is two to three times as fast as indexing the joints and choosing sequences, and
    # twice as fast again where the two bodies of a joint travel as one number.
    if bodies == 2 and rows.dtype in (torch.float32, torch.float64):
        pairs = torch.view_as_complex(rows.unflatten(3, (-1, 2)))  # (R, C, T, V)
        return torch.view_as_real(pairs.gather(3, joints[:, None, None].expand(pairs.shape))).flatten(3)
    body = torch.arange(bodies, device=rows.device)
    places = (joints[:, :, None] * bodies + body).flatten(1)  # (R, V * M)
    return rows.gather(3, places[:, None, None].expand(rows.shape))


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
    with torch.autocast(later.device.type, enabled=False):
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


@lru_cache(maxsize=32)
def _cuts(padding: int, num_frames: int, device: torch.device) -> Tensor:
    """(2 padding + 1, T): the frames of every cut."""
    with torch.inference_mode(False):  # as above
        frames = torch.arange(-padding, num_frames + padding, device=device)
        frames = torch.maximum(frames, -1 - frames)  # those before the first frame, reversed
        frames = torch.minimum(frames, 2 * num_frames - 1 - frames)  # and behind the last one
        return frames.unfold(0, num_frames, 1)


def time_flip(applied: Tensor, num_frames: int) -> AxisMaps:
    """Play the sequences that ``applied`` (N,) marks backwards."""
    own = torch.arange(num_frames, device=applied.device)
    return AxisMaps(frames=torch.where(applied[:, None], own.flip(0), own))


def shear(factors: Tensor) -> AxisMaps:
    """Shear with I + factors.

    Args:
        factors: (N, 3, 3), zero on the diagonal, unitless, usually within [-0.5, 0.5].
    """
    return AxisMaps(channels=torch.eye(3, device=factors.device) + factors)


def rotate(degrees: Tensor) -> AxisMaps:
    """Rotate about the origin: R_z R_y R_x for angles about x, y and z, against the right-hand rule.

    Args:
        degrees: (N, 3).
    """
    radians = degrees.deg2rad()
    cos, sin = radians.cos(), radians.sin()
    one, zero = torch.ones_like(cos[:, :1]), torch.zeros_like(cos[:, :1])
    entries = torch.cat([one, zero, cos, sin, -sin], dim=1)
    about_x, about_y, about_z = entries[:, _rotation_places(degrees.device)].unbind(1)  # (N, 3, 3) each
    with torch.autocast(degrees.device.type, enabled=False):
        return AxisMaps(channels=torch.bmm(about_z, torch.bmm(about_y, about_x)))


@lru_cache(maxsize=8)
def _rotation_places(device: torch.device) -> Tensor:
    """(3, 3, 3): of each of `_ROTATIONS`, where its entries are among `_ENTRIES`."""
    places = [[_ENTRIES.index(entry) for entry in rotation.split()] for rotation in _ROTATIONS]
    with torch.inference_mode(False):  # as above
        return torch.tensor(places, device=device).view(3, 3, 3)


def spatial_flip(applied: Tensor, flip_index: Tensor, mirrored_channels: int = 0) -> AxisMaps:
    """Exchange left and right joints.

    Args:
        applied: (N,) booleans, which sequences are flipped.
        flip_index: (V,) where each joint comes from.
        mirrored_channels: C to negate the first coordinate too, so that the result is a mirror image;
            0 only changes the names of the joints.
    """
    own = torch.arange(len(flip_index), device=applied.device)
    joints = torch.where(applied[:, None], flip_index, own)
    if not mirrored_channels:
        return AxisMaps(joints=joints)
    is_first = torch.arange(mirrored_channels, device=applied.device) == 0
    return AxisMaps(channels=1 - 2 * (applied[:, None] & is_first).float(), joints=joints)


def axis_mask(axis: Tensor, num_channels: int) -> AxisMaps:
    """Set one coordinate of each sequence to zero.

    Args:
        axis: (N,) channel that is lost; -1 leaves a sequence as it is.
        num_channels: C.
    """
    return AxisMaps(channels=(torch.arange(num_channels, device=axis.device) != axis[:, None]).float())
