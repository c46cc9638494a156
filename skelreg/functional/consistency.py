"""Objectives on class logits that need no label: agreement, certainty, and targets made from predictions."""

from __future__ import annotations

import torch
from torch import Tensor


def kl_divergence(target_logits: Tensor, logits: Tensor) -> Tensor:
    """KL(softmax(target_logits) || softmax(logits)) of every row; the gradient reaches both sides.

    Shape:
        target_logits, logits: (N, classes); output: (N,), in float32.
    """
    log_target, log_p = target_logits.float().log_softmax(dim=1), logits.float().log_softmax(dim=1)
    return (log_target.exp() * (log_target - log_p)).sum(dim=1)


def squared_difference(target_logits: Tensor, logits: Tensor) -> Tensor:
    """Mean over classes of the squared difference between the probabilities; the target is detached.

    Shape:
        target_logits, logits: (N, classes); output: (N,), in float32.
    """
    target = target_logits.detach().float().softmax(dim=1)
    return (logits.float().softmax(dim=1) - target).square().mean(dim=1)


def entropy(logits: Tensor) -> Tensor:
    """-sum_c p_c log p_c of every row, in nats.

    Shape:
        logits: (N, classes); output: (N,), in float32.
    """
    log_p = logits.float().log_softmax(dim=1)
    return -(log_p.exp() * log_p).sum(dim=1)


def hard_target_loss(logits: Tensor, targets: Tensor, chosen: Tensor) -> Tensor:
    """Cross-entropy of the chosen rows, summed up and divided by the number of all rows.

    Dividing by all rows lets the loss grow with the share of confident predictions, as in FixMatch.

    Shape:
        logits: (N, classes); targets: (N,) int64; chosen: (N,) bool; output: scalar, zero without rows.
    """
    rows = torch.nn.functional.cross_entropy(logits.float(), targets, reduction='none')
    return (rows * chosen).sum() / max(len(rows), 1)


def confident_targets(logits: Tensor, threshold: float | Tensor) -> tuple[Tensor, Tensor]:
    """The most probable class of every row, and whether its probability reaches the threshold.

    Args:
        logits: Predictions to be learnt from; no gradient flows back into them.
        threshold: One number, or a threshold for every class.
    Shape:
        logits: (N, classes); threshold: scalar or (classes,); output: (N,) int64 and (N,) bool.
    """
    confidence, targets = logits.detach().float().softmax(dim=1).max(dim=1)
    least = threshold[targets] if isinstance(threshold, Tensor) else threshold
    return targets, confidence >= least


def flexible_thresholds(learnt: Tensor, num_classes: int, threshold: float, warmup: bool = True) -> Tensor:
    """FlexMatch's threshold of every class: lower for classes that are learnt more slowly.

    With sigma_c the number of sequences last predicted as c with confidence, and beta_c = sigma_c /
    max sigma, the threshold is M(beta_c) * threshold with the convex map M(b) = b / (2 - b). With
    warm-up, sequences that were never predicted with confidence stand in the denominator as a class of
    their own, so that all thresholds start near zero and rise with the share of sequences that are used.

    Args:
        learnt: The class that every sequence was last predicted as with confidence, -1 where never.
        num_classes: How many classes there are.
        threshold: The highest threshold, that of the class learnt best.
        warmup: See above.
    Shape:
        learnt: (S,) int64; output: (num_classes,) float32.
    """
    counts = torch.bincount(learnt + 1, minlength=num_classes + 1).float()
    unused, per_class = counts[0], counts[1:]
    highest = torch.maximum(per_class.max(), unused) if warmup else per_class.max()
    beta = per_class / highest.clamp(min=1)
    return threshold * beta / (2 - beta)
