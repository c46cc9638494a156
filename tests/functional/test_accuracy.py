from __future__ import annotations

import numpy as np
import torch
from sklearn.metrics import confusion_matrix as sklearn_confusion
from sklearn.metrics import top_k_accuracy_score

from skelreg.functional.accuracy import confusion_matrix, per_class_accuracy, topk_hits


def predictions(n: int = 200, classes: int = 7) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    return torch.randn(n, classes, generator=generator), torch.randint(classes, (n,), generator=generator)


def test_topk_agrees_with_scikit_learn():
    scores, labels = predictions()
    for k in (1, 3, 5, 7):
        expected = top_k_accuracy_score(labels.numpy(), scores.numpy(), k=k, labels=np.arange(7))
        assert topk_hits(scores, labels, k).double().mean().item() == expected


def test_first_rank_is_the_argmax_whatever_the_ties():
    scores, labels = predictions()
    scores = scores.round()
    assert torch.equal(topk_hits(scores, labels, 1), scores.argmax(dim=1) == labels)


def test_a_class_without_votes_is_no_hit():
    votes = torch.tensor([[0.0, 0, 0, 1, 0, 0]])
    assert topk_hits(votes, torch.tensor([3]), 5).item()
    assert not topk_hits(votes, torch.tensor([0]), 5).item()


def test_confusion_agrees_with_scikit_learn():
    scores, labels = predictions()
    expected = sklearn_confusion(labels.numpy(), scores.argmax(dim=1).numpy(), labels=np.arange(7))
    np.testing.assert_array_equal(confusion_matrix(scores.argmax(dim=1), labels, 7).numpy(), expected)


def test_per_class_accuracy_is_nan_for_a_class_without_samples():
    accuracy = per_class_accuracy(torch.tensor([[3, 1], [0, 0]]))
    assert accuracy[0].item() == 0.75
    assert accuracy[1].isnan()
