"""Means, spreads and paired t-intervals of a few seeds, without a statistics package."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Summary:
    """What a table says about n numbers.

    Attributes:
        mean: Their mean.
        spread: Sample standard deviation (n - 1); None for n < 2.
        interval: Half the width of the t-interval of the mean; None for n < 2.
        n: How many there are.
    """

    mean: float
    spread: float | None
    interval: float | None
    n: int


def summarise(values: Sequence[float], level: float = 0.95) -> Summary:
    """Summary of at least one number; the interval covers the true mean with probability `level`.

    Raises:
        ValueError: If there are no values.
    """
    n = len(values)
    if n == 0:
        raise ValueError('summarise needs at least one value')
    mean = math.fsum(values) / n
    if n < 2:
        return Summary(mean, None, None, n)
    spread = math.sqrt(math.fsum((value - mean) ** 2 for value in values) / (n - 1))
    return Summary(mean, spread, t_quantile(level, n - 1) * spread / math.sqrt(n), n)


def paired_differences(
    values: Mapping[int | None, float], reference: Mapping[int | None, float]
) -> list[float]:
    """`value - reference` for every seed that both have.

    The key None stands for a figure that does not depend on the seed: it pairs with every seed of the
    other side.
    """
    seeds = (values.keys() | reference.keys()) - {None} or {None}
    pairs = [(values.get(s, values.get(None)), reference.get(s, reference.get(None))) for s in seeds]
    return [value - base for value, base in pairs if value is not None and base is not None]


def t_quantile(level: float, freedom: int) -> float:
    """The t for which Student's t lies within [-t, t] with probability `level`.

    Reference: Abramowitz & Stegun, Handbook of Mathematical Functions, 26.7.3 and 26.7.4.

    Raises:
        ValueError: If level is not within (0, 1) or freedom < 1.
    """
    if not 0 < level < 1 or freedom < 1:
        raise ValueError(f'level must be within (0, 1) and freedom at least 1, got {level} and {freedom}')
    low, high = 0.0, math.pi / 2
    while high - low > 1e-15:  # the probability grows with the angle
        middle = (low + high) / 2
        low, high = (middle, high) if _probability_within(middle, freedom) < level else (low, middle)
    return math.sqrt(freedom) * math.tan((low + high) / 2)


def _probability_within(angle: float, freedom: int) -> float:
    """P(|t| <= sqrt(freedom) tan(angle)), a finite sum for whole degrees of freedom."""
    odd = freedom % 2
    term = math.cos(angle) if odd else 1.0
    total = 0.0
    for k in range(1 + odd, freedom, 2):  # the powers of the cosine run up to freedom - 2
        total += term
        term *= k / (k + 1) * math.cos(angle) ** 2
    if odd:
        return 2 / math.pi * (angle + math.sin(angle) * total)
    return math.sin(angle) * total
