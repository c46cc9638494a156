"""Masks that hide joints or frames behind a value that is learnt."""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar

import torch
from torch import Generator, Tensor, nn

from ..functional import augment
from ..registry import AUGMENTATIONS
from .base import Augmentation, Space, bernoulli, check_probability


class RandomMask(Augmentation):
    """Hides a random part of the joints and frames; subclasses choose which part.

    Works on the stream, so that a hidden joint does not leak into the bones beside it. The fill is one
    number, zero at first, that the encoder's loss trains.

    Args:
        ratio: Share that is hidden, rounded down.
        shared: One mask for the whole batch instead of one a sequence.
        keep_absent: Bodies that are all zeros stay so.
        p: Probability for each sequence.
    """

    space: ClassVar[Space] = 'stream'

    def __init__(
        self, ratio: float = 0.1, shared: bool = False, keep_absent: bool = True, p: float = 1.0
    ) -> None:
        super().__init__()
        if not 0 < ratio < 1:
            raise ValueError(f'ratio must lie between 0 and 1, got {ratio}; HiCLR uses 0.1')
        self.ratio, self.shared, self.keep_absent, self.p = ratio, shared, keep_absent, check_probability(p)
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
