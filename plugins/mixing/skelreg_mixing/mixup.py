"""Mixup: weighted means of two sequences."""

from __future__ import annotations

import torch
from torch import Generator, Tensor

from skelreg.functional.augment import present_bodies
from skelreg.registry import AUGMENTATIONS

from .base import Mixing, two_sources

#: Each has a chance of a half or more to succeed, so that one draw in 2^32 falls back to the mean.
ATTEMPTS = 32


@AUGMENTATIONS.register_module()
class SkeletonMixup(Mixing):
    """The weighted mean of a sequence and its partner, joint by joint and frame by frame.

    A body that only one of the two has is taken from that one as it is. Labels are mixed by the weights.

    Reference: mixup, Zhang et al., ICLR 2018.

    Args:
        alpha: The partner's weight follows Beta(alpha, alpha); in (0, 1], and the smaller, the closer the
            weights are to 0 and 1.
        p: Probability for each sequence.
    """

    def __init__(self, alpha: float = 0.4, p: float = 1.0) -> None:
        super().__init__(p)
        if not 0 < alpha <= 1:
            raise ValueError(f'alpha must lie in (0, 1], got {alpha}; usual: 0.2 to 1')
        self.alpha = alpha

    def sample(self, x: Tensor, generator: Generator | None = None) -> dict[str, Tensor]:
        """partner: (N,); share: (N,), the partner's weight, 0 where a sequence stays as it is."""
        partner = self.partners(x, generator)
        share = beta(self.alpha, x, generator)
        stays = partner == torch.arange(len(x), device=x.device)
        return {'partner': partner, 'share': share.masked_fill(stays, 0)}

    def apply(self, x: Tensor, partner: Tensor, share: Tensor) -> Tensor:
        weight = share.to(x.dtype).reshape(-1, 1, 1, 1, 1)
        present = present_bodies(x)  # (N, 1, 1, 1, M)
        own, other = (1 - weight) * present, weight * present[partner]
        total = own + other
        mixed = (own * x + other * x[partner]) / torch.where(total > 0, total, torch.ones_like(total))
        return torch.where(weight > 0, mixed, x)

    def sources(self, partner: Tensor, share: Tensor) -> Tensor:
        return two_sources(partner, share)


def beta(alpha: float, x: Tensor, generator: Generator | None) -> Tensor:
    """(N,) draws of Beta(alpha, alpha) in float32, by Jöhnk's method."""
    uniform = torch.rand(2, len(x), ATTEMPTS, device=x.device, generator=generator, dtype=torch.float64)
    first, second = uniform.clamp(min=1e-300) ** (1 / alpha)
    total = first + second
    # Both powers can underflow to zero where alpha is small: no draw.
    is_good = (total <= 1) & (total > 0)
    attempt = is_good.int().argmax(dim=1, keepdim=True)  # the first good one
    ratio = (first / total).gather(1, attempt)[:, 0]
    return torch.where(is_good.any(dim=1), ratio, 0.5).float()
