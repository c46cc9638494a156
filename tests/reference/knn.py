"""k nearest neighbours, one pair at a time."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence


def cosine(a: Sequence[float], b: Sequence[float]) -> float:
    dot = sum(x * y for x, y in zip(a, b, strict=True))
    return dot / (math.sqrt(sum(x * x for x in a)) * math.sqrt(sum(y * y for y in b)))


def loop_nearest(
    queries: Sequence[Sequence[float]], keys: Sequence[Sequence[float]], k: int
) -> list[list[int]]:
    """For every query the k keys of the highest cosine, earlier keys first among equals."""
    found = []
    for query in queries:
        ranked = sorted(range(len(keys)), key=lambda j: (-cosine(query, keys[j]), j))
        found.append(ranked[:k])
    return found


def loop_vote(neighbor_labels: Sequence[Sequence[int]]) -> list[int]:
    """The most frequent label of every row, the smallest among equally frequent ones."""
    winners = []
    for row in neighbor_labels:
        counts = Counter(row)
        winners.append(min(counts, key=lambda label: (-counts[label], label)))
    return winners
