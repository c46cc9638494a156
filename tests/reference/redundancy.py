"""Barlow Twins and VICReg, one pair of dimensions at a time."""

from __future__ import annotations

import math
from collections.abc import Sequence

Rows = Sequence[Sequence[float]]


def column(rows: Rows, j: int) -> list[float]:
    return [row[j] for row in rows]


def covariance(a: Sequence[float], b: Sequence[float], divisor: int) -> float:
    mean_a, mean_b = sum(a) / len(a), sum(b) / len(b)
    return sum((x - mean_a) * (y - mean_b) for x, y in zip(a, b, strict=True)) / divisor


def cross_correlation(first: Rows, second: Rows, eps: float = 1e-5) -> list[list[float]]:
    n, d = len(first), len(first[0])
    found = []
    for i in range(d):
        a = column(first, i)
        row = []
        for j in range(d):
            b = column(second, j)
            scale = math.sqrt(covariance(a, a, n) + eps) * math.sqrt(covariance(b, b, n) + eps)
            row.append(covariance(a, b, n) / scale)
        found.append(row)
    return found


def barlow_twins(first: Rows, second: Rows) -> tuple[float, float]:
    """Invariance and redundancy, not weighted."""
    correlation = cross_correlation(first, second)
    d = len(correlation)
    invariance = sum((1 - correlation[i][i]) ** 2 for i in range(d))
    redundancy = sum(correlation[i][j] ** 2 for i in range(d) for j in range(d) if i != j)
    return invariance, redundancy


def invariance(first: Rows, second: Rows) -> float:
    """Mean over sequences and dimensions."""
    squares = [(x - y) ** 2 for a, b in zip(first, second, strict=True) for x, y in zip(a, b, strict=True)]
    return sum(squares) / len(squares)


def variance_hinge(rows: Rows, least: float, eps: float = 1e-4) -> float:
    d = len(rows[0])
    deviations = []
    for j in range(d):
        x = column(rows, j)
        deviations.append(math.sqrt(covariance(x, x, len(rows) - 1) + eps))
    return sum(max(0.0, least - deviation) for deviation in deviations) / d


def covariance_penalty(rows: Rows) -> float:
    d = len(rows[0])
    total = 0.0
    for i in range(d):
        for j in range(d):
            if i != j:
                total += covariance(column(rows, i), column(rows, j), len(rows) - 1) ** 2
    return total / d
