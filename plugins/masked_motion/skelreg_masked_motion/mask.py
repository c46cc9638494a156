"""A mask that hides where something moves."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Generator, Tensor, nn

from skelreg.augmentations.base import Augmentation, Space
from skelreg.functional.augment import fill_mask
from skelreg.registry import AUGMENTATIONS

from .maths import amount_of_motion


@AUGMENTATIONS.register_module()
class MotionAwareMask(Augmentation):
    """Hides cells, one joint in a run of frames each, and those first in which much moves.

    The cells of a sequence are drawn without replacement, cell c with weight exp(motion(c) / (tau * most)),
    `most` being the motion of the cell that moves most. What is hidden shows one number, zero at first, that
    is learnt; bodies that are absent stay so.

    Reference: MAMP, Mao et al., ICCV 2023, as in the authors' code. Their encoder leaves hidden cells out;
    here it sees the number in their place, so that any backbone will do.

    Args:
        ratio: Share of the cells that is hidden, rounded down, but at least one.
        frames_per_cell: Frames of a cell.
        tau: The lower, the more the mask follows the motion; None draws all cells alike.
    """

    space: ClassVar[Space] = 'stream'
    # It looks at the very sequences it draws for, so that nothing can be drawn for those of other processes.
    mixes: ClassVar[bool] = True

    def __init__(self, ratio: float = 0.9, frames_per_cell: int = 4, tau: float | None = 0.8) -> None:
        super().__init__()
        if not 0 < ratio < 1:
            raise ValueError(f'ratio must lie between 0 and 1, got {ratio}; MAMP uses 0.9')
        if frames_per_cell < 1:
            raise ValueError(f'frames_per_cell must be at least 1, got {frames_per_cell}; MAMP uses 4')
        if tau is not None and tau <= 0:
            raise ValueError(f'tau must be > 0 or None, got {tau}; MAMP uses 0.8')
        self.ratio, self.frames_per_cell, self.tau = ratio, frames_per_cell, tau
        self.fill = nn.Parameter(torch.zeros(1))

    def sample(self, x: Tensor, generator: Generator | None = None) -> dict[str, Tensor]:
        """mask: (N, T, V) booleans, true where hidden."""
        n, _, t, v, _ = x.shape
        amount = amount_of_motion(x.detach().float(), self.frames_per_cell).flatten(1)  # (N, T' * V)
        uniform = torch.rand(amount.shape, device=x.device, generator=generator)
        # The largest of log-weight plus Gumbel noise are a draw without replacement.
        score = -torch.log(-torch.log(uniform.clamp(1e-10, 1 - 1e-7)))
        if self.tau is not None:
            score = score + amount / (amount.amax(dim=1, keepdim=True) * self.tau + 1e-10)
        count = max(int(self.ratio * amount.shape[1]), 1)
        hidden = torch.zeros_like(score, dtype=torch.bool).scatter(1, score.topk(count).indices, True)
        by_frame = hidden.view(n, -1, v).repeat_interleave(self.frames_per_cell, dim=1)
        return {'mask': by_frame[:, :t]}

    def apply(self, x: Tensor, mask: Tensor) -> Tensor:
        return fill_mask(x, mask, self.fill, keep_absent=True)
