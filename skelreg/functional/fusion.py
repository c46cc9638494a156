"""One prediction out of several runs' scores: streams, snapshots, augmented copies."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from .accuracy import topk_hits

#: How many weight vectors a search tries at most.
MOST_VECTORS = 5000


def fuse_scores(scores: Tensor, weights: Sequence[float]) -> Tensor:
    """Weighted sum of the scores of several streams.

    Shape:
        scores: (S, N, classes), one slice a stream; output: (N, classes).
    Raises:
        ValueError: If there is not one weight a stream.
    """
    if len(weights) != len(scores):
        raise ValueError(f'{len(scores)} streams need as many weights, got {len(weights)}')
    return torch.einsum('s,snk->nk', scores.new_tensor(weights), scores)


def simplex_grid(runs: int, steps: int) -> Iterator[tuple[float, ...]]:
    """Every vector of weights that are multiples of 1 / steps and sum to one.

    Raises:
        ValueError: If runs or steps is below one.
    """
    if runs < 1 or steps < 1:
        raise ValueError(f'runs and steps must be at least 1, got {runs} and {steps}')
    for bars in itertools.combinations(range(steps + runs - 1), runs - 1):
        edges = (-1, *bars, steps + runs - 1)
        yield tuple((right - left - 1) / steps for left, right in itertools.pairwise(edges))


def finest_steps(runs: int) -> int:
    """The finest of 20, 10, 5, 4, 2 steps whose grid has at most `MOST_VECTORS` vectors.

    Raises:
        ValueError: If the coarsest grid has more.
    """
    for steps in (20, 10, 5, 4, 2):
        if math.comb(steps + runs - 1, runs - 1) <= MOST_VECTORS:
            return steps
    raise ValueError(f'weights of {runs} runs cannot be searched; fuse them with equal weights')


def choose_weights(scores: Tensor, labels: Tensor, steps: int) -> tuple[float, ...]:
    """The weights of `simplex_grid` with the best top-1; among equals, those nearest to equal weights.

    Shape:
        scores: (S, N, classes); labels: (N,) within the classes.
    """
    even = 1 / len(scores)

    def merit(weights: tuple[float, ...]) -> tuple[int, float]:
        hits = int(topk_hits(fuse_scores(scores, weights), labels, 1).sum())
        return hits, -round(sum((weight - even) ** 2 for weight in weights), 9)

    return max(simplex_grid(len(scores), steps), key=merit)
