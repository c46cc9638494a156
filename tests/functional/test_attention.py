from __future__ import annotations

import pytest
import torch

from skelreg.functional.attention import attention_maps, position_encoding
from tests.reference import attention as loops


@pytest.mark.parametrize(('subsets', 'channels', 'rows'), [(3, 2, 4), (1, 3, 1)])
def test_maps_agree_with_the_loop(subsets: int, channels: int, rows: int) -> None:
    torch.manual_seed(0)
    query_key = 2 * torch.randn(2, 2 * subsets * channels, rows, 5, dtype=torch.float64)
    torch.testing.assert_close(attention_maps(query_key, subsets), loops.maps(query_key, subsets))


def test_maps_have_the_gradient_of_the_loop() -> None:
    torch.manual_seed(0)
    query_key = torch.randn(2, 12, 3, 4, dtype=torch.float64, requires_grad=True)
    (found,) = torch.autograd.grad(attention_maps(query_key, 3).square().sum(), query_key)
    (expected,) = torch.autograd.grad(loops.maps(query_key, 3).square().sum(), query_key)
    torch.testing.assert_close(found, expected)


def test_map_of_one_channel_and_row_is_tanh_of_products() -> None:
    query_key = torch.tensor([[1.0, 2.0], [0.5, -3.0]]).reshape(1, 2, 1, 2)
    expected = torch.tensor([[0.5, -3.0], [1.0, -6.0]]).tanh()
    torch.testing.assert_close(attention_maps(query_key, 1)[0, 0], expected)


@pytest.mark.parametrize(('length', 'channels'), [(25, 8), (3, 5), (1, 1)])
def test_encoding_is_made_of_sinusoids(length: int, channels: int) -> None:
    found = position_encoding(length, channels, like=torch.zeros(()))
    expected = [[loops.position(c, i, channels) for i in range(length)] for c in range(channels)]
    torch.testing.assert_close(found, torch.tensor(expected))


def test_encoding_has_the_dtype_it_is_asked_for() -> None:
    assert position_encoding(3, 4, like=torch.zeros((), dtype=torch.float64)).dtype == torch.float64
