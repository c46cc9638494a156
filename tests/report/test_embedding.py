from __future__ import annotations

import sys

import numpy as np
import pytest
import torch

from skelreg.report.embedding import plane


def clusters(count: int) -> torch.Tensor:
    """Two groups of `count` features that point in opposite directions."""
    direction = torch.nn.functional.one_hot(torch.tensor(0), 8).float()
    noise = 0.05 * torch.randn(2 * count, 8, generator=torch.Generator().manual_seed(0))
    return torch.cat([direction.expand(count, 8), -direction.expand(count, 8)]) + noise


def assert_apart(points: np.ndarray) -> None:
    first, second = np.split(points, 2)
    gap = np.linalg.norm(first.mean(axis=0) - second.mean(axis=0))
    assert gap > 2 * max(first.std(), second.std())


def test_groups_stay_apart() -> None:
    pytest.importorskip('sklearn')
    points, method = plane(clusters(40))
    assert (points.shape, points.dtype, method) == ((80, 2), np.float32, 't-SNE')
    assert_apart(points)


def test_few_features_go_on_their_principal_axes() -> None:
    points, method = plane(clusters(4))
    assert (points.shape, method) == ((8, 2), 'PCA')
    assert_apart(points)


def test_principal_axes_take_over_without_scikit_learn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, 'sklearn.manifold', None)
    assert plane(clusters(40))[1] == 'PCA'


def test_the_length_of_a_feature_does_not_matter() -> None:
    features = clusters(4)
    np.testing.assert_allclose(plane(features)[0], plane(3 * features)[0], atol=1e-5)


def test_the_same_features_give_the_same_points() -> None:
    np.testing.assert_array_equal(plane(clusters(40))[0], plane(clusters(40))[0])
