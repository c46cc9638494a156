"""How well classes were predicted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from mmengine.dist import all_gather_object
from mmengine.evaluator import BaseMetric
from torch import Tensor

from ..errors import DataError
from ..functional.accuracy import confusion_matrix, per_class_accuracy, topk_hits
from ..registry import METRICS


def classification_report(scores: Tensor, labels: Tensor) -> dict[str, Any]:
    """All figures about one set of predictions, ready for JSON; accuracies are fractions of one.

    Shape:
        scores: (N, classes); labels: (N,) within the classes.
    Returns:
        top1; top5 (None with fewer than 5 classes); mean_class, the mean of per_class over classes that have
        samples; per_class, None for a class without samples; confusion, rows the truth, columns the
        prediction; counts, samples per class; num_samples.
    """
    predictions, num_classes = scores.argmax(dim=1), scores.shape[1]
    confusion = confusion_matrix(predictions, labels, num_classes)
    per_class = per_class_accuracy(confusion)
    return {
        'top1': _mean(topk_hits(scores, labels, 1)),
        'top5': _mean(topk_hits(scores, labels, 5)) if num_classes >= 5 else None,
        'mean_class': float(per_class.nanmean()),
        'per_class': [None if value != value else value for value in per_class.tolist()],
        'confusion': confusion.tolist(),
        'counts': confusion.sum(dim=1).tolist(),
        'num_samples': len(labels),
    }


def _mean(hits: Tensor) -> float:
    return float(hits.double().mean())


@dataclass(frozen=True)
class Predictions:
    """What a classifier said of every sequence of a dataset, each once, in the order of their positions.

    Attributes:
        scores: (N, classes) logits or votes, float32, on the CPU.
        labels: (N,) the truth.
        index: (N,) positions in the dataset.
    """

    scores: Tensor
    labels: Tensor
    index: Tensor


@METRICS.register_module()
class ClassificationMetric(BaseMetric):
    """Top-1, top-5 and mean class accuracy through MMEngine's Evaluator.

    Every sample counts once, by its index, however often the samplers of several ranks repeat it.

    Attributes:
        last_result: The full report of the last evaluation (`classification_report`), None before.
        last_predictions: What it was made from.

    Args:
        prefix: Goes before the names of the figures in logs: 'accuracy/top1'.
    """

    def __init__(self, prefix: str = 'accuracy') -> None:
        super().__init__(prefix=prefix)
        self.last_result: dict[str, Any] | None = None
        self.last_predictions: Predictions | None = None

    def process(self, data_batch: Any, data_samples: Sequence[dict]) -> None:
        """Keep a batch: dicts of scores (N, classes), labels (N,) and index (N,)."""
        for sample in data_samples:
            self.results.append(tuple(sample[name].detach().cpu() for name in ('scores', 'labels', 'index')))

    def compute_metrics(self, results: list) -> dict[str, float]:
        """The scalar figures of all batches; `last_result` and `last_predictions` keep the rest.

        Raises:
            DataError: If a label is no class, or scores are not finite.
        """
        scores, labels, index = (torch.cat(column) for column in zip(*results, strict=True))
        rows = _first_rows(index)
        scores, labels = scores[rows].float(), labels[rows]
        _check_labels(labels, scores.shape[1])
        check_finite(scores, 'scores')
        self.last_predictions = Predictions(scores, labels, index[rows])
        self.last_result = classification_report(scores, labels)
        return {name: self.last_result[name] for name in ('top1', 'top5', 'mean_class')
                if self.last_result[name] is not None}

    def evaluate(self, size: int) -> dict[str, float]:
        """Gather all ranks' batches and compute, on every rank the same.

        MMEngine's own gathering cuts ranks with more batches down to the one with the fewest.

        Args:
            size: How many different samples there are.
        Raises:
            DataError: If some of them were never predicted.
        """
        results = [batch for part in all_gather_object(self.results) for batch in part]
        self.results.clear()
        seen = len(torch.cat([index for *_, index in results]).unique()) if results else 0
        if seen != size:
            raise DataError(
                'the evaluation did not see every sequence once', got=f'{seen} different sequences',
                accepted=f'{size}, the length of the dataset',
                fix='set drop_last=False in the val and test dataloaders',
            )
        return {f'{self.prefix}/{name}': value for name, value in self.compute_metrics(results).items()}


def _first_rows(index: Tensor) -> Tensor:
    """(n,) the rows at which each index stands for the first time, in the order of the indices."""
    order = index.argsort(stable=True)
    ordered = index[order]
    first = torch.ones_like(ordered, dtype=torch.bool)
    first[1:] = ordered[1:] != ordered[:-1]
    return order[first]


def check_finite(values: Tensor, what: str) -> None:
    """Refuse an evaluation by values (N, D) with nan or infinity, among which the true class may rank first.

    Raises:
        DataError: Says in how many sequences.
    """
    broken = int((~values.isfinite()).any(dim=1).sum())
    if broken:
        raise DataError(
            f'the model gives {what} that are not finite', got=f'{broken} of {len(values)} sequences',
            fix='its training has diverged, see loss in scalars.jsonl: train with a lower learning rate',
        )


def _check_labels(labels: Tensor, num_classes: int) -> None:
    low, high = int(labels.min()), int(labels.max())
    if low < 0 or high >= num_classes:
        raise DataError(
            'a label to evaluate against is no class', got=f'labels from {low} to {high}',
            accepted=f'0 to {num_classes - 1}',
            fix='evaluate on a labelled split whose classes are those of the classifier',
        )
