"""Neighbourhoods in a bank of features: who is near, and the weighted centre of those who are."""

from __future__ import annotations

import torch
from torch import Tensor

from .precision import without_autocast


def nearest_others(queries: Tensor, bank: Tensor, k: int, own: Tensor, pool: Tensor) -> Tensor:
    """The k rows of the bank nearest to every query by Euclidean distance, never the query's own row.

    Args:
        queries: Vectors to find neighbours for; no gradient is needed.
        bank: Vectors to search.
        k: How many neighbours.
        own: The row of the bank that holds each query itself.
        pool: Which rows of the bank may be neighbours.
    Shape:
        queries: (N, D); bank: (S, D); own: (N,) int64; pool: (S,) bool; output: (N, k) int64, nearest first.
    Raises:
        ValueError: If some query has fewer than k others.
    """
    others = int(pool.sum()) - 1
    if not 1 <= k <= others:
        raise ValueError(f'k must be between 1 and the other sequences of the pool, {others}, got {k}')
    with without_autocast(queries):
        distances = torch.cdist(queries.float(), bank.float())  # (N, S)
    distances = distances.masked_fill(~pool, torch.inf).scatter(1, own[:, None], torch.inf)
    return distances.topk(k, dim=1, largest=False).indices


def local_center(neighbors: Tensor, scores: Tensor) -> tuple[Tensor, Tensor]:
    """The neighbours' mean, weighted by the softmax of their scores, and the weights.

    Shape:
        neighbors: (N, k, D); scores: (N, k); output: centre (N, D), weights (N, k) whose rows sum to one.
    """
    weights = scores.float().softmax(dim=1)
    return (weights[:, :, None] * neighbors).sum(dim=1), weights
