"""Objectives without negatives: two views agree, and the dimensions of an embedding stay different."""

from __future__ import annotations

from torch import Tensor

from .precision import without_autocast


def cross_correlation(first: Tensor, second: Tensor, eps: float = 1e-5) -> Tensor:
    """Correlation over the batch of every dimension of one view with every dimension of the other.

    Args:
        first, second: Embeddings of the same sequences.
        eps: Added to the variances.
    Shape:
        first, second: (N, d), N >= 2; output: (d, d) in [-1, 1].
    Raises:
        ValueError: If there are fewer than two sequences.
    """
    _require_two(first)
    with without_autocast(first):
        a, b = (
            (x - x.mean(dim=0)) / (x.var(dim=0, unbiased=False) + eps).sqrt()
            for x in (first.float(), second.float())
        )
        return a.T @ b / len(a)


def correlation_losses(correlation: Tensor) -> tuple[Tensor, Tensor]:
    """How far a cross-correlation is from the identity: sum_i (1 - C_ii)^2 and sum_{i != j} C_ij^2.

    Shape:
        correlation: (d, d); output: two scalars.
    """
    diagonal = correlation.diagonal()
    return (1 - diagonal).square().sum(), correlation.square().sum() - diagonal.square().sum()


def variance_hinge(x: Tensor, least: float = 1.0, eps: float = 1e-4) -> Tensor:
    """mean_j max(0, least - sqrt(var_j + eps)) over the dimensions of x, the sample variance over the batch.

    Shape:
        x: (N, d), N >= 2; output: scalar.
    Raises:
        ValueError: If there are fewer than two sequences.
    """
    _require_two(x)
    return (least - (x.float().var(dim=0) + eps).sqrt()).relu().mean()


def covariance_penalty(x: Tensor) -> Tensor:
    """sum_{i != j} cov_ij^2 / d, the sample covariance over the batch.

    Shape:
        x: (N, d), N >= 2; output: scalar.
    Raises:
        ValueError: If there are fewer than two sequences.
    """
    _require_two(x)
    with without_autocast(x):
        centred = x.float() - x.float().mean(dim=0)
        covariance = centred.T @ centred / (len(x) - 1)
    return (covariance.square().sum() - covariance.diagonal().square().sum()) / x.shape[1]


def _require_two(x: Tensor) -> None:
    if len(x) < 2:
        raise ValueError(f'statistics over the batch need at least 2 sequences, got {len(x)}')
