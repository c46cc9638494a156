"""Mixing by regions: body parts, windows of time, or both at once are replaced by the partner's."""

from __future__ import annotations

import torch
from torch import Generator, Tensor

from skelreg.functional.augment import present_bodies
from skelreg.functional.frames import take_frames
from skelreg.graphs import SkeletonLayout, get_layout
from skelreg.registry import AUGMENTATIONS

from .base import Mixing, two_sources


class RegionMix(Mixing):
    """Replaces some body parts of a sequence during a window of time by those of its partner.

    Only bodies that both have are touched. Labels are mixed by the share of joints and frames that were
    replaced, bodies of the sequence taken together.

    Args:
        parts: Least and largest number of body parts; None takes all joints.
        frames: Least and largest share of frames.
        resize: Squeeze the partner's whole sequence into the window, instead of taking the frames that it
            has there.
        p: Probability for each sequence.
        layout: Whose body parts.
    """

    joints: Tensor

    def __init__(
        self,
        parts: tuple[int, int] | None,
        frames: tuple[float, float],
        resize: bool,
        p: float,
        layout: str | SkeletonLayout,
    ) -> None:
        super().__init__(p)
        layout = get_layout(layout)
        if parts is not None and not layout.parts:
            raise ValueError(f"layout '{layout.name}' names no body parts; add `parts` to its file")
        most = len(layout.parts)
        if parts is not None and not 1 <= parts[0] <= parts[1] <= most:
            raise ValueError(f'parts must be (least, largest) within 1..{most}, got {parts}')
        if not 0 < frames[0] <= frames[1] <= 1:
            raise ValueError(f'frames must be (low, high) with 0 < low <= high <= 1, got {frames}')
        self.parts, self.frames, self.resize = parts, tuple(frames), resize
        members = list(layout.parts.values()) if parts is not None else [tuple(range(layout.num_joints))]
        joints = torch.zeros(len(members), layout.num_joints, dtype=torch.bool)
        for row, part in zip(joints, members, strict=True):
            row[list(part)] = True
        self.register_buffer('joints', joints, persistent=False)

    def sample(self, x: Tensor, generator: Generator | None = None) -> dict[str, Tensor]:
        """partner, start, length: (N,) frames; joints: (N, V) booleans; share: (N,), the partner's."""
        partner = self.partners(x, generator)
        n, t, device = len(x), x.shape[2], x.device
        size, place = torch.rand(2, n, device=device, generator=generator)
        low, high = self.frames
        length = ((low + (high - low) * size) * t).round().clamp(1, t).long()
        start = (place * (t - length + 1)).floor().long().clamp(max=t - 1)
        joints = self._draw_joints(n, device, generator)
        region = _window(start, length, t)[:, :, None] & joints[:, None]  # (N, T, V)
        present = present_bodies(x).flatten(1)  # (N, M)
        both = (present & present[partner]).sum(dim=1) / present.sum(dim=1).clamp(min=1)
        share = region.flatten(1).float().mean(dim=1) * both
        stays = partner == torch.arange(n, device=device)
        return {
            'partner': partner, 'start': start, 'length': length, 'joints': joints,
            'share': share.masked_fill(stays, 0),
        }

    def _draw_joints(self, n: int, device: torch.device, generator: Generator | None) -> Tensor:
        """(N, V) booleans."""
        least, largest = self.parts or (1, 1)
        rank = torch.rand(n, len(self.joints), device=device, generator=generator).argsort(dim=1)
        count = torch.randint(least, largest + 1, (n, 1), device=device, generator=generator)
        return ((rank < count)[:, :, None] & self.joints).any(dim=1)

    def apply(
        self, x: Tensor, partner: Tensor, start: Tensor, length: Tensor, joints: Tensor, share: Tensor
    ) -> Tensor:
        other, t = x[partner], x.shape[2]
        if self.resize:
            other = squeeze(other, start, length)
        goes = (partner != torch.arange(len(x), device=x.device)).reshape(-1, 1, 1, 1, 1)
        present = present_bodies(x)
        region = _window(start, length, t)[:, None, :, None, None] & joints[:, None, None, :, None]
        return torch.where(goes & region & present & present[partner], other, x)

    def sources(
        self, partner: Tensor, start: Tensor, length: Tensor, joints: Tensor, share: Tensor
    ) -> Tensor:
        return two_sources(partner, share)


@AUGMENTATIONS.register_module()
class PartCutMix(RegionMix):
    """CutMix over the body: some body parts are the partner's, all along the sequence.

    Args:
        parts: Least and largest number of body parts.
        p: Probability for each sequence.
        layout: Whose body parts.
    """

    def __init__(
        self, parts: tuple[int, int] = (1, 2), p: float = 1.0, layout: str | SkeletonLayout = 'ntu_rgbd'
    ) -> None:
        super().__init__(parts, (1.0, 1.0), resize=False, p=p, layout=layout)


@AUGMENTATIONS.register_module()
class TimeCutMix(RegionMix):
    """CutMix over time: during a window, the whole body is the partner's.

    Args:
        frames: Least and largest share of frames.
        p: Probability for each sequence.
        layout: Of the skeletons.
    """

    def __init__(
        self,
        frames: tuple[float, float] = (0.2, 0.5),
        p: float = 1.0,
        layout: str | SkeletonLayout = 'ntu_rgbd',
    ) -> None:
        super().__init__(None, frames, resize=False, p=p, layout=layout)


@AUGMENTATIONS.register_module()
class ResizeMix(RegionMix):
    """Some body parts during a window of time are the partner's, its whole sequence squeezed into the window.

    The ranges of body parts and frames are those of SkeleMixCLR (Chen et al., 2022); the authors' release
    pastes the frames that the partner has in the window: `resize=False`.

    Args:
        parts: Least and largest number of body parts.
        frames: Least and largest share of frames.
        resize: Squeeze the partner's sequence in time, or cut it.
        p: Probability for each sequence.
        layout: Whose body parts.
    """

    def __init__(
        self,
        parts: tuple[int, int] = (2, 3),
        frames: tuple[float, float] = (7 / 16, 11 / 16),
        resize: bool = True,
        p: float = 1.0,
        layout: str | SkeletonLayout = 'ntu_rgbd',
    ) -> None:
        super().__init__(parts, frames, resize, p, layout)


def squeeze(x: Tensor, start: Tensor, length: Tensor) -> Tensor:
    """Each sequence in full within a window, linearly between its frames; outside the window, its ends.

    Shape:
        x: (N, C, T, V, M); start, length: (N,) int64; output: as x.
    """
    t = x.shape[2]
    step = (torch.arange(t, device=x.device) - start[:, None]).clamp(min=0)
    place = (step * (t - 1) / (length[:, None] - 1).clamp(min=1)).clamp(max=t - 1)  # (N, T)
    before = place.floor().long()
    after = (before + 1).clamp(max=t - 1)
    weight = (place - before).to(x.dtype)[:, None, :, None, None]
    return torch.lerp(take_frames(x, before), take_frames(x, after), weight)


def _window(start: Tensor, length: Tensor, num_frames: int) -> Tensor:
    """(N, T) booleans, true in the window."""
    frame = torch.arange(num_frames, device=start.device)
    return (frame >= start[:, None]) & (frame < (start + length)[:, None])
