"""Style transfer between the sequences of a batch."""

from __future__ import annotations

from typing import ClassVar, Literal

import torch
from torch import Generator, Tensor

from ..functional import augment
from ..registry import AUGMENTATIONS
from .base import Augmentation, Space, bernoulli, check_probability


@AUGMENTATIONS.register_module()
class SkeleAdaIN(Augmentation):
    """Gives a sequence the mean and spread of another one of the batch, body by body and channel by channel.

    Reference: HiCLR, AAAI 2023, as in the authors' research code.

    Args:
        mode: 'TV' takes the statistics over frames and joints, 'V' over the joints of each frame.
        shared: All sequences take their style from the same number of places further on, as in the
            release, instead of each from a partner of its own.
        keep_absent: Bodies that are all zeros stay so, and one whose partner's body is absent keeps
            its style. False is the release.
        p: Probability for each sequence.
    """

    space: ClassVar[Space] = 'stream'
    mixes: ClassVar[bool] = True

    def __init__(
        self, mode: Literal['TV', 'V'] = 'TV', shared: bool = False, keep_absent: bool = True, p: float = 1.0
    ) -> None:
        super().__init__()
        if mode not in ('TV', 'V'):
            raise ValueError(f"mode must be 'TV' or 'V', got {mode!r}")
        self.mode, self.shared, self.keep_absent, self.p = mode, shared, keep_absent, check_probability(p)

    def sample(self, x: Tensor, generator: Generator | None = None) -> dict[str, Tensor]:
        """style: (N) the sequence whose style each one takes; its own place where it keeps its style.

        Raises:
            ValueError: If the batch holds only one sequence.
        """
        n = len(x)
        if n < 2:
            raise ValueError(
                'SkeleAdaIN takes the style of another sequence of the batch, and this batch holds one; '
                'use a batch size of at least 2 with drop_last=True'
            )
        places = torch.arange(n, device=x.device)
        # The release never shifts by n - 1; with two sequences that would leave no partner.
        draws, highest = (1, max(n - 1, 2)) if self.shared else (n, n)
        shift = torch.randint(1, highest, (draws,), device=x.device, generator=generator)
        return {'style': torch.where(bernoulli(x, self.p, generator), (places + shift) % n, places)}

    def apply(self, x: Tensor, style: Tensor) -> Tensor:  # type: ignore[override]
        styled = augment.adain(x, x[style], per_frame=self.mode == 'V')
        if self.keep_absent:
            present = augment.present_bodies(x)
            styled = torch.where(present & present[style], styled, x)
        own = style == torch.arange(len(x), device=x.device)
        return torch.where(own[:, None, None, None, None], x, styled)
