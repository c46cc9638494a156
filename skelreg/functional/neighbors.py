"""Exact nearest neighbours by cosine, in chunks."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

Vote = Literal['majority', 'distance']


def nearest(queries: Tensor, keys: Tensor, k: int, chunk: int = 1024) -> tuple[Tensor, Tensor]:
    """The k keys of the highest cosine for every query; of equal cosines the earlier key comes first.

    Args:
        queries: Vectors of any length above zero; a vector of zeros has cosine 0 with everything.
        keys: The vectors to search.
        k: How many neighbours.
        chunk: How many queries are compared at a time; memory grows as chunk times the number of keys.
    Shape:
        queries: (N, D); keys: (B, D); output: cosines (N, k) in descending order, key indices (N, k).
    Raises:
        ValueError: If k is not within 1 and B, or the widths differ.
    """
    if not 1 <= k <= len(keys):
        raise ValueError(f'k must be between 1 and the number of keys, {len(keys)}, got {k}')
    if queries.shape[1] != keys.shape[1]:
        raise ValueError(f'queries have {queries.shape[1]} dimensions, keys have {keys.shape[1]}')
    unit_keys = torch.nn.functional.normalize(keys, dim=1)
    unit_queries = torch.nn.functional.normalize(queries, dim=1)
    found = [_top(part @ unit_keys.T, k) for part in unit_queries.split(chunk)]
    if not found:
        return queries.new_empty(0, k), torch.empty(0, k, dtype=torch.int64, device=queries.device)
    return torch.cat([values for values, _ in found]), torch.cat([indices for _, indices in found])


def _top(cosines: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """The k largest of every row (n, B), earlier columns first among equals.

    `topk` leaves open which of equal values it takes, so rows with a tie at the border, where the next
    value is the same, are sorted in full; twins in the data make such rows, but few.
    """
    values, indices = cosines.topk(min(k + 1, cosines.shape[1]), dim=1)
    tied = (values[:, k:] == values[:, k - 1 : k]).any(dim=1)
    values, indices = values[:, :k], indices[:, :k]
    if tied.any():
        in_full = cosines[tied].sort(dim=1, descending=True, stable=True)
        values[tied], indices[tied] = in_full.values[:, :k], in_full.indices[:, :k]
    by_index = indices.argsort(dim=1)
    by_value = values.gather(1, by_index).argsort(dim=1, descending=True, stable=True)
    order = by_index.gather(1, by_value)
    return values.gather(1, order), indices.gather(1, order)


def neighbor_votes(
    neighbor_labels: Tensor, num_classes: int, cosines: Tensor | None = None, vote: Vote = 'majority'
) -> Tensor:
    """The share of the vote that every class gets.

    Args:
        neighbor_labels: The classes of the neighbours.
        num_classes: How many classes there are.
        cosines: Needed for vote 'distance' only.
        vote: 'majority' counts heads; 'distance' weights each by 1 / (1 - cosine), where neighbours at
            distance 0 outvote all others.
    Shape:
        neighbor_labels, cosines: (N, k); output: (N, num_classes), rows sum to one.
    """
    if vote == 'majority':
        weights = torch.ones_like(neighbor_labels, dtype=torch.float32)
    elif vote == 'distance':
        if cosines is None:
            raise ValueError("vote 'distance' needs the cosines of the neighbours")
        distance = (1 - cosines).clamp(min=0)
        same = distance == 0
        weights = torch.where(same.any(dim=1, keepdim=True), same.to(cosines.dtype), 1 / distance)
    else:
        raise ValueError(f"vote must be 'majority' or 'distance', got {vote!r}")
    votes = weights.new_zeros(len(neighbor_labels), num_classes).scatter_add(1, neighbor_labels, weights)
    return votes / votes.sum(dim=1, keepdim=True)


def knn_predict(
    queries: Tensor,
    keys: Tensor,
    labels: Tensor,
    k: int,
    num_classes: int,
    vote: Vote = 'majority',
    chunk: int = 1024,
) -> Tensor:
    """The class that the k nearest keys vote for; of equally many votes the smallest class index wins.

    This is scikit-learn's `KNeighborsClassifier(k, metric='cosine', algorithm='brute')`, ties included,
    save that scikit-learn leaves open which of equally distant keys count as the k nearest.

    Shape:
        queries: (N, D); keys: (B, D); labels: (B,); output: (N,) int64.
    """
    cosines, indices = nearest(queries, keys, k, chunk)
    return neighbor_votes(labels[indices], num_classes, cosines, vote).argmax(dim=1)
