from __future__ import annotations

import pytest
import torch
from torch import Tensor

from skelreg.functional.neighborhood import local_center, nearest_others
from tests.reference import semi_supervised as reference

S, D = 12, 4


def bank(seed: int = 0) -> Tensor:
    return torch.randn(S, D, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize('k', [1, 3, 6])
def test_neighbours_agree_with_the_loop(k: int) -> None:
    rows, own, pool = bank(), torch.tensor([0, 4, 8]), torch.arange(S) % 3 != 1
    pool[4] = True
    queries = rows[own] + 0.1
    found = nearest_others(queries, rows, k, own, pool)
    expected = reference.nearest_others(queries.tolist(), rows.tolist(), k, own.tolist(), pool.tolist())
    assert found.tolist() == expected


@pytest.mark.parametrize('distance', [0.0, 100.0])
def test_a_sequence_is_never_its_own_neighbour(distance: float) -> None:
    """Neither where its row is equal to the query nor where it lies far from it."""
    rows, own = bank(), torch.arange(S)
    found = nearest_others(rows + distance, rows, S - 1, own, torch.ones(S, dtype=torch.bool))
    assert not (found == own[:, None]).any()
    assert all(len(set(row)) == S - 1 for row in found.tolist())


@pytest.mark.parametrize('k', [0, 5])
def test_more_neighbours_than_others_are_refused(k: int) -> None:
    pool = torch.arange(S) < 5
    with pytest.raises(ValueError, match='between 1 and the other sequences of the pool, 4'):
        nearest_others(bank()[:1], bank(), k, torch.tensor([0]), pool)


def test_weights_sum_to_one_and_the_centre_agrees_with_the_loop() -> None:
    neighbors, scores = torch.randn(3, 5, D), 3 * torch.randn(3, 5)
    center, weights = local_center(neighbors, scores)
    torch.testing.assert_close(weights.sum(dim=1), torch.ones(3))
    pairs = zip(neighbors.tolist(), scores.tolist(), strict=True)
    expected = [reference.local_center(*pair) for pair in pairs]
    torch.testing.assert_close(center, torch.tensor(expected))


def test_equal_scores_give_the_mean() -> None:
    neighbors = torch.randn(3, 5, D)
    torch.testing.assert_close(local_center(neighbors, torch.full((3, 5), 7.0))[0], neighbors.mean(dim=1))
