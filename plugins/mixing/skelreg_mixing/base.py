"""What all mixing has in common: partners, and shares that labels are mixed by."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Generator, Tensor

from skelreg.augmentations.base import Augmentation, Space, bernoulli, check_probability


class Mixing(Augmentation):
    """Mixes each sequence with another one of the batch, its partner.

    Works on the stream: a bone between a joint of one person and a joint of another would be none.

    Args:
        p: Probability for each sequence.
    """

    space: ClassVar[Space] = 'stream'
    mixes: ClassVar[bool] = True

    def __init__(self, p: float = 1.0) -> None:
        super().__init__()
        self.p = check_probability(p)

    def partners(self, x: Tensor, generator: Generator | None) -> Tensor:
        """(N,) the sequence that each one is mixed with; its own place where it stays as it is.

        Raises:
            ValueError: If the batch holds only one sequence.
        """
        n = len(x)
        if n < 2:
            raise ValueError(
                f'{type(self).__name__} mixes a sequence with another one of the batch, and this batch holds '
                'one; use a batch size of at least 2 with drop_last=True'
            )
        places = torch.arange(n, device=x.device)
        shift = torch.randint(1, n, (n,), device=x.device, generator=generator)
        return torch.where(bernoulli(x, self.p, generator), (places + shift) % n, places)


def two_sources(partner: Tensor, share: Tensor) -> Tensor:
    """(N, N), row i with 1 - share[i] for sequence i and share[i] for its partner.

    Shape:
        partner: (N,) int64; share: (N,).
    """
    own = torch.diag(1 - share)
    return own.scatter_add(1, partner[:, None], share[:, None])
