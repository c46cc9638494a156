"""Contrastive losses in log space, on similarities of shape (N, 1 + K): own key first, then the queue."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor


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


def consistency(teacher: Tensor, student: Tensor, temperature: float) -> Tensor:
    """-mean_n sum_j p_teacher(j) log p_student(j): the target is the teacher's distribution over the queue.

    The teacher is detached: only the student learns. This is the cross-entropy, which differs from
    the KL divergence by the teacher's entropy, a constant for the student.

    Shape:
        teacher, student: (N, 1 + K) cosines of the weaker and the stronger view; output: scalar.
    """
    target = (teacher.detach() / temperature).softmax(dim=1)
    return -(target * (student / temperature).log_softmax(dim=1)).sum(dim=1).mean()
