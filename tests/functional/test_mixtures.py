from __future__ import annotations

import torch

from skelreg.functional.mixtures import mixed_labels


def test_labels_are_mixed_by_the_shares_of_their_sequences() -> None:
    sources = torch.tensor([[0.7, 0.3, 0.0], [0.0, 1.0, 0.0], [0.5, 0.25, 0.25]])
    known, target = mixed_labels(sources, torch.tensor([2, 0, 2]), num_classes=4)
    assert known.tolist() == [True, True, True]
    expected = [[0.3, 0, 0.7, 0], [1, 0, 0, 0], [0.25, 0, 0.75, 0]]
    torch.testing.assert_close(target, torch.tensor(expected))


def test_mixture_with_a_part_of_unknown_class_has_an_unknown_class() -> None:
    sources = torch.tensor([[0.9, 0.1, 0.0], [0.0, 0.5, 0.5], [0.2, 0.0, 0.8]])
    known, target = mixed_labels(sources, torch.tensor([1, -1, 0]), num_classes=2)
    assert known.tolist() == [False, False, True]
    torch.testing.assert_close(target[2], torch.tensor([0.8, 0.2]))
