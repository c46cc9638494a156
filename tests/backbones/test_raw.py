from __future__ import annotations

import pytest
import torch

from skelreg.backbones.raw import RawCoordinates


def test_features_are_the_coordinates_themselves() -> None:
    x = torch.randn(2, 3, 4, 20, 1)
    features = RawCoordinates(num_frames=4, max_bodies=1, layout='nucla')(x)
    assert torch.equal(features.pooled, x.reshape(2, -1))


def test_there_is_nothing_to_train_or_to_load() -> None:
    assert RawCoordinates(num_frames=4, max_bodies=1).state_dict() == {}


def test_another_shape_is_refused() -> None:
    with pytest.raises(ValueError, match=r'\(3, 4, 20, 1\), got \(3, 5, 20, 1\)'):
        RawCoordinates(num_frames=4, max_bodies=1, layout='nucla')(torch.zeros(1, 3, 5, 20, 1))
