"""Accuracy of classifications: top-k, by class, and the confusion matrix."""

from __future__ import annotations

import torch
from torch import Tensor


def topk_hits(scores: Tensor, labels: Tensor, k: int) -> Tensor:
    """Whether the true class is among the k highest scores.

    Ties are decided the same way everywhere: of equal scores the smaller class index ranks first, and
    beyond the first rank a class that shares its row's lowest score is no hit unless there are only k
    classes, so that a class without any vote of a kNN does not count as predicted.

    Shape:
        scores: (N, classes); labels: (N,); output: (N,) booleans.
    """
    true = scores.gather(1, labels[:, None])
    classes = torch.arange(scores.shape[1], device=scores.device)
    ahead = (scores > true) | ((scores == true) & (classes < labels[:, None]))
    rank = ahead.sum(dim=1)
    if k >= scores.shape[1]:
        return rank < k
    above_lowest = true.squeeze(1) > scores.amin(dim=1)
    return (rank == 0) | ((rank < k) & above_lowest)


def confusion_matrix(predictions: Tensor, labels: Tensor, num_classes: int) -> Tensor:
    """How often class i (row, the truth) was predicted as class j (column).

    Shape:
        predictions, labels: (N,); output: (num_classes, num_classes) int64.
    """
    cells = labels * num_classes + predictions
    return torch.bincount(cells, minlength=num_classes**2).reshape(num_classes, num_classes)


def per_class_accuracy(confusion: Tensor) -> Tensor:
    """The share of every class that was predicted rightly; nan for a class without samples.

    Shape:
        confusion: (classes, classes), rows the truth; output: (classes,) float64.
    """
    return confusion.diagonal().double() / confusion.sum(dim=1).double()
