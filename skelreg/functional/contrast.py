"""Contrastive losses in log space, on similarities of shape (N, 1 + K): own key first, then the queue."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

import torch
from torch import Tensor

Distance = Callable[[Tensor, Tensor], Tensor]
Direction = Literal['weak_teaches', 'strong_teaches', 'symmetric', 'no_stop_gradient']

def info_nce(similarities: Tensor, temperature: float) -> Tensor:
    """Cross-entropy of picking the own key among key and queue.

    Shape:
        similarities: (N, 1 + K) cosines, column 0 the own key; output: scalar.
    """
    return multi_positive_nce(similarities, own_key_mask(similarities), temperature)


def multi_positive_nce(similarities: Tensor, positives: Tensor, temperature: float) -> Tensor:
    """-mean_n sum_{j in P_n} log p_n(j) / |P_n|: every positive is to be picked.

    Reference: the nearest-neighbour mining of AimCLR as HiCLR's release uses it.

    Shape:
        similarities: (N, 1 + K); positives: (N, 1 + K) bool, at least one true in a row; output: scalar.
    """
    log_p = (similarities / temperature).log_softmax(dim=1)
    weights = positives.to(log_p.dtype)
    return -((log_p * weights).sum(dim=1) / weights.sum(dim=1)).mean()


def own_key_mask(similarities: Tensor) -> Tensor:
    """(N, 1 + K) bool, true in column 0 only."""
    mask = torch.zeros_like(similarities, dtype=torch.bool)
    mask[:, 0] = True
    return mask


def share_right(similarities: Tensor) -> Tensor:
    """Share of the sequences whose own key is nearer than every row of the queue.

    Shape:
        similarities: (N, 1 + K); output: scalar.
    """
    return (similarities[:, 0] > similarities[:, 1:].amax(dim=1)).float().mean()


def mine_positives(similarities: Sequence[Tensor], topk: int) -> Tensor:
    """The own key, and for every view the topk most similar rows of the queue, united.

    Shape:
        similarities: each (N, 1 + K); output: (N, 1 + K) bool.
    Raises:
        ValueError: If topk exceeds K.
    """
    size = similarities[0].shape[1] - 1
    if topk > size:
        raise ValueError(f'topk {topk} is more than a queue of {size} holds')
    mask = own_key_mask(similarities[0])
    for view in similarities:
        nearest = view[:, 1:].topk(topk, dim=1).indices + 1
        mask.scatter_(1, nearest, True)
    return mask


def learn_from_stream(own: Tensor, other: Tensor, topk: int, context: bool) -> tuple[Tensor, Tensor]:
    """Candidates of one stream, and which of them are positives by the neighbours of another stream.

    Row j of both streams' queues must be of the same sequence. Candidates are key and queue of the own
    stream and, with context, for every row of the queue the product of the two streams' cosines. Positives
    are the own key, and the topk queue rows nearest in the other stream, in both their places.

    Reference: the cross-view mining of CrosSCLR, CVPR 2021, as in the authors' release.

    Shape:
        own, other: (N, 1 + K) cosines; output: two of (N, 1 + 2 K) with context, else of (N, 1 + K): cosines,
        and bool with at least one true in a row.
    Raises:
        ValueError: If topk exceeds K.
    """
    positives = mine_positives([other], topk)
    if not context:
        return own, positives
    products = own[:, 1:] * other[:, 1:]
    return torch.cat([own, products], dim=1), torch.cat([positives, positives[:, 1:]], dim=1)


def soft_cross_entropy(target: Tensor, prediction: Tensor, temperature: float) -> Tensor:
    """-mean_n sum_j p_target(j) log p_prediction(j), of the distributions over key and queue.

    It differs from the KL divergence by the target's entropy, a constant where the target is detached.

    Shape:
        target, prediction: (N, 1 + K) cosines; output: scalar.
    """
    weights = (target / temperature).softmax(dim=1)
    return -(weights * (prediction / temperature).log_softmax(dim=1)).sum(dim=1).mean()


def cosine_distance(target: Tensor, prediction: Tensor) -> Tensor:
    """mean_n 1 - cos(target, prediction).

    Shape:
        target, prediction: (N, d) of unit length; output: scalar.
    """
    return 1 - (target * prediction).sum(dim=1).mean()


def l1_distance(target: Tensor, prediction: Tensor) -> Tensor:
    """mean_n sum_d |target - prediction|.

    Shape:
        target, prediction: (N, d); output: scalar.
    """
    return (target - prediction).abs().sum(dim=1).mean()


def directed(distance: Distance, weak: Tensor, strong: Tensor, direction: Direction) -> Tensor:
    """A distance between two views, and which of them its gradient moves.

    Args:
        distance: (target, prediction) -> scalar.
        weak: What the weaker view gave.
        strong: What the stronger view gave.
        direction: 'weak_teaches' detaches the weaker view, so that only the stronger one learns;
            'strong_teaches' is the reverse; 'symmetric' is the mean of both; 'no_stop_gradient' takes
            the weaker view as target without detaching it.
    """
    if direction == 'no_stop_gradient':
        return distance(weak, strong)
    if direction == 'symmetric':
        return (distance(weak.detach(), strong) + distance(strong.detach(), weak)) / 2
    teacher, student = (weak, strong) if direction == 'weak_teaches' else (strong, weak)
    return distance(teacher.detach(), student)
