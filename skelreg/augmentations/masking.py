"""Masks that hide joints, frames, body parts or blocks behind a value that is learnt."""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar

import torch
from torch import Generator, Tensor, nn

from ..functional import augment
from ..graphs import SkeletonLayout, get_layout
from ..registry import AUGMENTATIONS
from .base import Augmentation, Space, bernoulli, check_probability


class Mask(Augmentation):
    """Hides a part of the joints and frames; subclasses choose which part.

    Works on the stream, so that a hidden joint does not leak into the bones beside it. The fill is one
    number, zero at first, that the encoder's loss trains.

    Args:
        shared: One mask for the whole batch instead of one a sequence.
        keep_absent: Bodies that are all zeros stay so.
        p: Probability for each sequence.
    """

    space: ClassVar[Space] = 'stream'

    def __init__(self, shared: bool = False, keep_absent: bool = True, p: float = 1.0) -> None:
        super().__init__()
        self.shared, self.keep_absent, self.p = shared, keep_absent, check_probability(p)
        self.fill = nn.Parameter(torch.zeros(1))

    @abstractmethod
    def draw(self, x: Tensor, num_masks: int, generator: Generator | None) -> Tensor:
        """(num_masks, T, V) booleans, true where hidden; T and V those of x (N, C, T, V, M)."""

    def sample(self, x: Tensor, generator: Generator | None = None) -> dict[str, Tensor]:
        """mask: (N, T, V) booleans, true where hidden."""
        mask = self.draw(x, 1 if self.shared else len(x), generator)
        return {'mask': mask & bernoulli(x, self.p, generator)[:, None, None]}

    def apply(self, x: Tensor, mask: Tensor) -> Tensor:  # type: ignore[override]
        return augment.fill_mask(x, mask, self.fill, self.keep_absent)


class RandomMask(Mask):
    """Hides a share of the joints, frames or parts.

    Args:
        ratio: Share that is hidden, rounded down.
        shared: One mask for the whole batch instead of one a sequence.
        keep_absent: Bodies that are all zeros stay so.
        p: Probability for each sequence.
    """

    def __init__(
        self, ratio: float = 0.1, shared: bool = False, keep_absent: bool = True, p: float = 1.0
    ) -> None:
        super().__init__(shared, keep_absent, p)
        if not 0 < ratio < 1:
            raise ValueError(f'ratio must lie between 0 and 1, got {ratio}; HiCLR uses 0.1')
        self.ratio = ratio

    def choose(self, shape: tuple[int, ...], x: Tensor, generator: Generator | None) -> Tensor:
        """Booleans of a shape, true in ``ratio`` of the places of each row along the last axis.

        Raises:
            ValueError: If that is not even one place.
        """
        count = int(shape[-1] * self.ratio)
        if count == 0:
            raise ValueError(f'ratio {self.ratio} of {shape[-1]} is less than one, so that nothing is hidden')
        order = torch.rand(shape, device=x.device, generator=generator)
        return augment.selection_mask(order.topk(count, dim=-1).indices, shape[-1])


@AUGMENTATIONS.register_module()
class JointMask(RandomMask):
    """Hides random joints behind a learnable value, other joints in each frame.

    Args:
        ratio: Share of the joints; int(ratio * V) are hidden, so that 0.1 of 25 are 2.
        shared: One mask for the whole batch, as in the HiCLR release, instead of one a sequence.
        keep_absent: Bodies that are all zeros stay so. False is the HiCLR release.
        p: Probability for each sequence.
        per_frame: Draw anew for each frame; otherwise the same joints are hidden all along.
    """

    def __init__(
        self,
        ratio: float = 0.1,
        shared: bool = False,
        keep_absent: bool = True,
        p: float = 1.0,
        per_frame: bool = True,
    ) -> None:
        super().__init__(ratio, shared, keep_absent, p)
        self.per_frame = per_frame

    def draw(self, x: Tensor, num_masks: int, generator: Generator | None) -> Tensor:
        num_frames, num_joints = x.shape[2:4]
        drawn = self.choose((num_masks, num_frames if self.per_frame else 1, num_joints), x, generator)
        return drawn.expand(num_masks, num_frames, num_joints)


@AUGMENTATIONS.register_module()
class FrameMask(RandomMask):
    """Hides all joints of random frames behind a learnable value.

    Args:
        ratio: Share of the frames; int(ratio * T) are hidden.
        shared: One mask for the whole batch instead of one a sequence.
        keep_absent: Bodies that are all zeros stay so.
        p: Probability for each sequence.
    """

    def draw(self, x: Tensor, num_masks: int, generator: Generator | None) -> Tensor:
        num_frames, num_joints = x.shape[2:4]
        drawn = self.choose((num_masks, num_frames), x, generator)
        return drawn[:, :, None].expand(num_masks, num_frames, num_joints)


class _PartsOfBody(nn.Module):
    """(P, V) booleans, one row for each body part of a layout.

    Raises:
        ValueError: If the layout names no parts.
    """

    joints: Tensor

    def __init__(self, layout: str | SkeletonLayout) -> None:
        super().__init__()
        layout = get_layout(layout)
        if not layout.parts:
            raise ValueError(f"layout '{layout.name}' names no body parts; add `parts` to its file")
        joints = torch.zeros(len(layout.parts), layout.num_joints, dtype=torch.bool)
        for row, part in zip(joints, layout.parts.values(), strict=True):
            row[list(part)] = True
        self.register_buffer('joints', joints, persistent=False)

    def __len__(self) -> int:
        return len(self.joints)


@AUGMENTATIONS.register_module()
class PartMask(RandomMask):
    """Hides random body parts all along a sequence behind a learnable value.

    Args:
        ratio: Share of the layout's parts; int(ratio * parts) are hidden, so that 0.4 of 5 are 2.
        shared: One mask for the whole batch instead of one a sequence.
        keep_absent: Bodies that are all zeros stay so.
        p: Probability for each sequence.
        layout: Whose body parts.
    """

    def __init__(
        self,
        ratio: float = 0.2,
        shared: bool = False,
        keep_absent: bool = True,
        p: float = 1.0,
        layout: str | SkeletonLayout = 'ntu_rgbd',
    ) -> None:
        super().__init__(ratio, shared, keep_absent, p)
        self.parts = _PartsOfBody(layout)

    def draw(self, x: Tensor, num_masks: int, generator: Generator | None) -> Tensor:
        chosen = self.choose((num_masks, len(self.parts)), x, generator)
        joints = (chosen[:, :, None] & self.parts.joints).any(dim=1)  # (num_masks, V)
        return joints[:, None].expand(num_masks, x.shape[2], joints.shape[1])


@AUGMENTATIONS.register_module()
class BlockMask(Mask):
    """Hides one block, a run of frames times one body part or the whole body, behind a learnable value.

    Args:
        frames: Range of the share of frames that a block lasts, at least one frame.
        whole_body: Probability that the block takes all joints instead of one part.
        shared: One mask for the whole batch instead of one a sequence.
        keep_absent: Bodies that are all zeros stay so.
        p: Probability for each sequence.
        layout: Whose body parts.
    """

    def __init__(
        self,
        frames: tuple[float, float] = (0.3, 0.6),
        whole_body: float = 0.5,
        shared: bool = False,
        keep_absent: bool = True,
        p: float = 1.0,
        layout: str | SkeletonLayout = 'ntu_rgbd',
    ) -> None:
        super().__init__(shared, keep_absent, p)
        if not 0 < frames[0] <= frames[1] <= 1:
            raise ValueError(f'frames must be a range (low, high) with 0 < low <= high <= 1, got {frames}')
        self.frames, self.whole_body = tuple(frames), check_probability(whole_body)
        self.parts = _PartsOfBody(layout)

    def draw(self, x: Tensor, num_masks: int, generator: Generator | None) -> Tensor:
        num_frames, device = x.shape[2], x.device
        place, share = torch.rand(2, num_masks, 1, device=device, generator=generator)
        low, high = self.frames
        length = ((low + (high - low) * share) * num_frames).round().clamp(1, num_frames)
        start = (place * (num_frames - length + 1)).floor()
        frame = torch.arange(num_frames, device=device)
        in_run = (frame >= start) & (frame < start + length)  # (num_masks, T)
        part = torch.randint(len(self.parts), (num_masks,), device=device, generator=generator)
        whole = torch.rand(num_masks, 1, device=device, generator=generator) < self.whole_body
        return in_run[:, :, None] & (self.parts.joints[part] | whole)[:, None]
