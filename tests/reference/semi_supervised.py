"""Objectives of semi-supervised learning, one sequence and one class at a time."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

Row = Sequence[float]
Array = NDArray[np.float64]


def softmax(row: Row) -> list[float]:
    highest = max(row)
    weights = [math.exp(value - highest) for value in row]
    return [weight / sum(weights) for weight in weights]


def kl(target: Row, logits: Row) -> float:
    p, q = softmax(target), softmax(logits)
    return sum(a * (math.log(a) - math.log(b)) for a, b in zip(p, q, strict=True))


def entropy(logits: Row) -> float:
    return -sum(p * math.log(p) for p in softmax(logits))


def squared_difference(target: Row, logits: Row) -> float:
    pairs = list(zip(softmax(target), softmax(logits), strict=True))
    return sum((a - b) ** 2 for a, b in pairs) / len(pairs)


def sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x))


def domain_loss(first: Row, second: Row) -> float:
    return -sum(math.log(sigmoid(x)) for x in first) / len(first) - sum(
        math.log(1 - sigmoid(x)) for x in second
    ) / len(second)


def pseudo_label_loss(weak: Sequence[Row], strong: Sequence[Row], thresholds: Row) -> float:
    """Mean over all sequences of the cross-entropy with the weak view's class where that is confident."""
    total = 0.0
    for w, s in zip(weak, strong, strict=True):
        p = softmax(w)
        target = max(range(len(p)), key=lambda c: p[c])
        if p[target] >= thresholds[target]:
            total -= math.log(softmax(s)[target])
    return total / len(weak)


def flexmatch_thresholds(learnt: Sequence[int], classes: int, threshold: float, warmup: bool) -> list[float]:
    """Zhang et al. 2021: sigma counts, beta = sigma / max(...), threshold * beta / (2 - beta)."""
    sigma = [sum(1 for c in learnt if c == label) for label in range(classes)]
    unused = sum(1 for c in learnt if c < 0)
    highest = max(max(sigma), unused) if warmup else max(sigma)
    beta = [s / highest if highest else 0.0 for s in sigma]
    return [threshold * b / (2 - b) for b in beta]


def nearest_others(
    queries: Sequence[Row], bank: Sequence[Row], k: int, own: Sequence[int], pool: Sequence[bool]
):
    found = []
    for query, self_row in zip(queries, own, strict=True):
        others = [row for row in range(len(bank)) if pool[row] and row != self_row]
        others.sort(key=lambda row: math.dist(query, bank[row]))
        found.append(others[:k])
    return found


def local_center(neighbors: Sequence[Row], scores: Row) -> list[float]:
    weights = softmax(scores)
    width = len(neighbors[0])
    return [sum(w * z[d] for w, z in zip(weights, neighbors, strict=True)) for d in range(width)]


def temporal_targets(visits: Sequence[Row], momentum: float) -> list[list[float] | None]:
    """Laine and Aila 2017: of one sequence's probabilities, the target at every visit; None at the first."""
    targets: list[list[float] | None] = [None]
    ensemble = [0.0] * len(visits[0])
    for t, p in enumerate(visits, start=1):
        ensemble = [momentum * z + (1 - momentum) * v for z, v in zip(ensemble, p, strict=True)]
        targets.append([z / (1 - momentum**t) for z in ensemble])
    return targets[:-1]


def adversarial_direction(
    predict: Callable[[Array], Row], x: Array, start: Array, step: float, iterations: int, delta: float = 1e-6
) -> Array:
    """Miyato et al. 2018 for one sequence, with finite differences in the place of a gradient."""
    reference = predict(x)
    direction = start / np.linalg.norm(start)
    for _ in range(iterations):
        gradient = np.zeros_like(x)
        for place in np.ndindex(*x.shape):
            if start[place] == 0:
                continue
            ahead, behind = direction.copy(), direction.copy()
            ahead[place] += delta / step
            behind[place] -= delta / step
            rise = kl(reference, predict(x + step * ahead)) - kl(reference, predict(x + step * behind))
            gradient[place] = rise
        direction = gradient / np.linalg.norm(gradient)
    return direction


def segment_frames(length: int, num_frames: int, places: Row) -> list[int]:
    """The frame at a place in [0, 1) of each equal segment."""
    width = length / num_frames
    return [int((segment + place) * width) for segment, place in enumerate(places)]
