"""How far apart a batch of vectors lies: the numbers by which a collapse shows."""

from __future__ import annotations

import torch
from torch import Tensor


def mean_cosine(x: Tensor) -> Tensor:
    """The mean cosine over all pairs of different rows: 1 if all point the same way, near 0 if spread.

    Shape:
        x: (N, d), N >= 2; output: scalar.
    Raises:
        ValueError: If there is no pair.
    """
    n = len(x)
    if n < 2:
        raise ValueError(f'a mean over pairs needs at least 2 vectors, got {n}')
    unit = torch.nn.functional.normalize(x, dim=1)
    own = unit.square().sum()
    return (unit.sum(dim=0).square().sum() - own) / (n * (n - 1))


def spread(x: Tensor) -> Tensor:
    """Standard deviation of the unit vectors per dimension, averaged, times sqrt(d).

    About 1 for directions spread evenly over the sphere, 0 if all are the same.

    Shape:
        x: (N, d), N >= 2; output: scalar.
    """
    unit = torch.nn.functional.normalize(x, dim=1)
    return unit.std(dim=0).mean() * x.shape[1] ** 0.5


def effective_rank(x: Tensor) -> Tensor:
    """exp(entropy of the normalised singular values) of the centred rows: how many dimensions are in use.

    1 if all rows lie on one line, at most min(N - 1, d).

    Reference: Roy and Vetterli, EUSIPCO 2007.

    Shape:
        x: (N, d); output: scalar, 0 if all rows are equal.
    """
    values = torch.linalg.svdvals((x - x.mean(dim=0)).float())
    total = values.sum()
    if total <= 0:
        return torch.zeros_like(total)
    p = values / total
    return torch.special.entr(p).sum().exp()
