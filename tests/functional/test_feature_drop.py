from __future__ import annotations

import pytest
import torch
from torch import Tensor

from skelreg.functional.feature_drop import LEAST_ATTENTION, drop_salient, energy_attention, pool_map
from tests.reference import feature_drop as reference


def feature_map(seed: int = 0) -> Tensor:
    """(N, D, T, V, M) like the output of a ReLU, with one joint that stands out everywhere."""
    x = torch.randn(3, 4, 5, 6, 2, generator=torch.Generator().manual_seed(seed)).relu()
    x[0, :, :, 2, 1] += 4
    return x


def test_attention_agrees_with_the_loop() -> None:
    x = feature_map()
    attention = energy_attention(x)
    for place, value in reference.energy_attention(x).items():
        assert attention[place].item() == pytest.approx(value, rel=1e-5)
    assert attention.min() >= LEAST_ATTENTION - 1e-6


@pytest.mark.parametrize('threshold', [0.65, 0.7, 0.8])
def test_drop_agrees_with_the_loop(threshold: float) -> None:
    x = feature_map()
    torch.testing.assert_close(drop_salient(x, threshold), reference.drop_salient(x, threshold))


def test_a_joint_that_stands_out_is_dropped_whole_and_the_input_is_left_alone() -> None:
    x = feature_map()
    before = x.clone()
    dropped = drop_salient(x)
    assert not dropped[0, :, :, 2, 1].any() and dropped[0, :, :, 2, 0].any()
    assert torch.equal(x, before)


def test_above_one_nothing_is_dropped() -> None:
    x = feature_map()
    torch.testing.assert_close(drop_salient(x, 1.01), x)


def test_all_dropped_is_zero_and_finite() -> None:
    assert not drop_salient(feature_map(), LEAST_ATTENTION - 0.1).any()


def test_gradient_reaches_what_is_kept_only() -> None:
    x = (1 + feature_map()).requires_grad_()
    dropped = drop_salient(x)
    dropped.sum().backward()
    assert torch.equal(x.grad != 0, dropped != 0) and 0 < (dropped == 0).sum() < x.numel()


def test_pooling_is_the_mean_over_the_bodies_that_are_there() -> None:
    x = feature_map()
    x[1, ..., 1] = 0
    x[2] = 0
    pooled = pool_map(x, x)
    torch.testing.assert_close(pooled[0], x[0].mean(dim=(1, 2, 3)))
    torch.testing.assert_close(pooled[1], x[1, ..., 0].mean(dim=(1, 2)))
    assert not pooled[2].any()
