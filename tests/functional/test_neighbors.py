from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.neighbors import KNeighborsClassifier

from skelreg.functional.neighbors import knn_predict, nearest, neighbor_votes
from tests.reference.knn import loop_nearest, loop_vote


def draw(n: int, d: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(n, d, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize('k', [1, 3, 12])
def test_nearest_equals_the_loop(k):
    queries, keys = draw(7, 5).double(), draw(12, 5, seed=1).double()
    _, indices = nearest(queries, keys, k)
    assert indices.tolist() == loop_nearest(queries.tolist(), keys.tolist(), k)


def test_nearest_returns_the_cosines_in_descending_order():
    queries, keys = draw(7, 5), draw(12, 5, seed=1)
    cosines, indices = nearest(queries, keys, 4)
    expected = torch.cosine_similarity(queries[:, None], keys[indices], dim=2)
    torch.testing.assert_close(cosines, expected)
    assert (cosines.diff(dim=1) <= 0).all()


@pytest.mark.parametrize('chunk', [1, 4, 100])
def test_nearest_does_not_depend_on_the_chunk(chunk):
    queries, keys = draw(9, 6), draw(30, 6, seed=1)
    assert torch.equal(nearest(queries, keys, 5, chunk)[1], nearest(queries, keys, 5)[1])


@pytest.mark.parametrize('k', [1, 2, 3, 5])
def test_nearest_takes_the_earlier_of_equal_keys(k):
    one = torch.eye(4)[:1]
    keys = torch.cat([torch.eye(4)[1:2], one, one, one, torch.eye(4)[2:3]])
    assert nearest(one, keys, k)[1].tolist() == [[1, 2, 3, 0, 4][:k]]


def test_nearest_of_no_queries_is_empty():
    cosines, indices = nearest(draw(0, 3), draw(4, 3), 2)
    assert cosines.shape == indices.shape == (0, 2)


@pytest.mark.parametrize('k', [0, 5])
def test_nearest_refuses_a_k_outside_the_keys(k):
    with pytest.raises(ValueError, match='k must be between 1 and the number of keys, 4'):
        nearest(draw(2, 3), draw(4, 3), k)


def test_nearest_refuses_another_width():
    with pytest.raises(ValueError, match='queries have 3 dimensions, keys have 2'):
        nearest(draw(2, 3), draw(4, 2), 1)


@pytest.mark.parametrize('k', [1, 5, 20])
@pytest.mark.parametrize(('vote', 'weights'), [('majority', 'uniform'), ('distance', 'distance')])
def test_knn_predict_agrees_with_scikit_learn(k, vote, weights):
    centres = draw(6, 16)
    labels = torch.arange(300) % 6
    keys = centres[labels] + 1.5 * draw(300, 16, seed=1)
    queries = centres[torch.arange(120) % 6] + 1.5 * draw(120, 16, seed=2)
    oracle = KNeighborsClassifier(k, metric='cosine', algorithm='brute', weights=weights)
    expected = oracle.fit(keys.numpy(), labels.numpy()).predict(queries.numpy())
    predictions = knn_predict(queries, keys, labels, k, num_classes=6, vote=vote)
    np.testing.assert_array_equal(predictions.numpy(), expected)


def test_knn_predict_gives_equal_votes_to_the_smallest_class_as_scikit_learn_does():
    keys, labels = draw(40, 4), torch.arange(40) % 4
    queries = draw(50, 4, seed=1)
    neighbor_labels = labels[nearest(queries, keys, 4)[1]]
    votes = neighbor_votes(neighbor_labels, 4)
    assert ((votes == votes.amax(dim=1, keepdim=True)).sum(dim=1) > 1).any()
    oracle = KNeighborsClassifier(4, metric='cosine', algorithm='brute').fit(keys.numpy(), labels.numpy())
    predictions = knn_predict(queries, keys, labels, 4, num_classes=4)
    expected = oracle.predict(queries.numpy()).tolist()
    assert predictions.tolist() == expected == loop_vote(neighbor_labels.tolist())


def test_votes_of_a_row_sum_to_one():
    votes = neighbor_votes(torch.tensor([[0, 2, 2], [1, 1, 1]]), 4)
    torch.testing.assert_close(votes, torch.tensor([[1 / 3, 0, 2 / 3, 0], [0, 1, 0, 0]]))


def test_a_neighbor_at_distance_zero_outvotes_the_others():
    votes = neighbor_votes(torch.tensor([[0, 1, 1]]), 2, torch.tensor([[1.0, 0.9, 0.9]]), vote='distance')
    assert votes.tolist() == [[1, 0]]


def test_an_unknown_vote_is_refused():
    with pytest.raises(ValueError, match="vote must be 'majority' or 'distance', got 'loud'"):
        neighbor_votes(torch.tensor([[0]]), 1, vote='loud')
