"""Contrastive objectives, one sequence and one entry of the queue at a time."""

from __future__ import annotations

import math
from collections.abc import Sequence

Row = Sequence[float]


def dot(a: Row, b: Row) -> float:
    return sum(x * y for x, y in zip(a, b, strict=True))


def similarities(queries: Sequence[Row], keys: Sequence[Row], queue: Sequence[Row]) -> list[list[float]]:
    return [[dot(q, k), *(dot(q, entry) for entry in queue)] for q, k in zip(queries, keys, strict=True)]


def probabilities(row: Row, temperature: float) -> list[float]:
    weights = [math.exp(value / temperature) for value in row]
    return [weight / sum(weights) for weight in weights]


def info_nce(rows: Sequence[Row], temperature: float) -> float:
    return sum(-math.log(probabilities(row, temperature)[0]) for row in rows) / len(rows)


def consistency(teachers: Sequence[Row], students: Sequence[Row], temperature: float) -> float:
    total = 0.0
    for teacher, student in zip(teachers, students, strict=True):
        p, q = probabilities(teacher, temperature), probabilities(student, temperature)
        total -= sum(a * math.log(b) for a, b in zip(p, q, strict=True))
    return total / len(teachers)


def mine(views: Sequence[Sequence[Row]], topk: int) -> list[set[int]]:
    """For every sequence the columns that count as positive: the own key, and each view's nearest."""
    found = []
    for n in range(len(views[0])):
        positives = {0}
        for view in views:
            columns = range(1, len(view[n]))
            positives |= set(sorted(columns, key=lambda column: -view[n][column])[:topk])
        found.append(positives)
    return found


def multi_positive(rows: Sequence[Row], positives: Sequence[set[int]], temperature: float) -> float:
    total = 0.0
    for row, columns in zip(rows, positives, strict=True):
        p = probabilities(row, temperature)
        total -= sum(math.log(p[column]) for column in columns) / len(columns)
    return total / len(rows)


def cosine(targets: Sequence[Row], predictions: Sequence[Row]) -> float:
    return sum(1 - dot(a, b) for a, b in zip(targets, predictions, strict=True)) / len(targets)


def l1(targets: Sequence[Row], predictions: Sequence[Row]) -> float:
    rows = zip(targets, predictions, strict=True)
    return sum(abs(x - y) for a, b in rows for x, y in zip(a, b, strict=True)) / len(targets)


def cross_stream(
    own: Sequence[Row], other: Sequence[Row], topk: int, context: bool, temperature: float
) -> float:
    """What one stream's loss is by the neighbours that another finds, one sequence at a time."""
    total = 0.0
    for ours, theirs in zip(own, other, strict=True):
        nearest = sorted(range(1, len(theirs)), key=lambda j: -theirs[j])[:topk]
        candidates, positives = list(ours), {0, *nearest}
        if context:
            positives |= {len(ours) - 1 + j for j in nearest}
            candidates += [ours[j] * theirs[j] for j in range(1, len(ours))]
        p = probabilities(candidates, temperature)
        total -= sum(math.log(p[j]) for j in positives) / len(positives)
    return total / len(own)
