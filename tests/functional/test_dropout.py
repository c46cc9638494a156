from __future__ import annotations

import pytest
import torch

from skelreg.functional import dropout as module
from skelreg.functional.dropout import add_dropout, dropout

PROBABILITIES = [0.5, 0.25, 3 / 16, 0.1, 0.9]


@pytest.mark.parametrize('p', PROBABILITIES)
def test_the_share_of_zeros_is_p_and_the_rest_is_scaled(p: float) -> None:
    torch.manual_seed(0)
    y = dropout(torch.ones(400_003), p, training=True)
    share = (y == 0).double().mean().item()
    assert share == pytest.approx(p, abs=5 * (p * (1 - p) / y.numel()) ** 0.5)
    torch.testing.assert_close(y[y != 0], torch.full_like(y[y != 0], 1 / (1 - p)))


@pytest.mark.parametrize('p', PROBABILITIES)
def test_the_mean_is_kept(p: float) -> None:
    torch.manual_seed(1)
    assert dropout(torch.ones(400_003), p, training=True).mean().item() == pytest.approx(1, abs=0.03)


@pytest.mark.parametrize('p', [0.5, 0.25, 1 / 16])
def test_elements_are_dropped_independently(p: float) -> None:
    torch.manual_seed(2)
    dropped = (dropout(torch.ones(80_000), p, training=True) == 0).double()
    correlation = torch.corrcoef(dropped.view(-1, 64).T) - torch.eye(64)
    assert correlation.abs().max() < 0.15  # 1,250 rows: five standard deviations
    quarters = torch.corrcoef(dropped.view(4, -1)) - torch.eye(4)
    assert quarters.abs().max() < 0.035
    for lag in (1, 2, 8, 16, 64, 128):
        shifted = torch.stack([dropped[lag:], dropped[:-lag]])
        assert torch.corrcoef(shifted)[0, 1].abs() < 0.018


@pytest.mark.parametrize('p', [0.1, 1 / 3])
def test_other_probabilities_take_torchs_own(p: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, '_masks_of_bytes', None)
    x = torch.randn(100)
    torch.manual_seed(3)
    expected = torch.nn.functional.dropout(x, p)
    torch.manual_seed(3)
    assert torch.equal(dropout(x, p, training=True), expected)


@pytest.mark.parametrize(('p', 'training'), [(0.0, True), (0, True), (0.5, False)])
def test_nothing_is_dropped_without_need(p: float, training: bool) -> None:
    x = torch.randn(10)
    assert dropout(x, p, training) is x


@pytest.mark.parametrize('size', [0, 1, 7, 8, 9])
@pytest.mark.parametrize('dtype', [torch.float32, torch.float64, torch.bfloat16])
def test_shape_and_dtype_are_kept(size: int, dtype: torch.dtype) -> None:
    y = dropout(torch.ones(3, size, dtype=dtype), 0.5, training=True)
    assert (y.shape, y.dtype) == ((3, size), dtype)


def test_a_seed_repeats_the_draw() -> None:
    draws = []
    for _ in range(2):
        torch.manual_seed(4)
        draws.append(dropout(torch.ones(1000), 0.5, training=True))
    assert torch.equal(*draws)


def test_the_gradient_passes_where_the_value_does() -> None:
    x = torch.ones(1000, requires_grad=True)
    y = dropout(x, 0.5, training=True)
    y.sum().backward()
    assert torch.equal(x.grad, y.detach())


@pytest.mark.parametrize('p', [-0.1, 1.0])
def test_no_probability_is_refused(p: float) -> None:
    with pytest.raises(ValueError, match=r'dropout must be in \[0, 1\)'):
        dropout(torch.ones(1), p, training=True)


@pytest.mark.parametrize('p', PROBABILITIES)
def test_what_is_added_is_the_dropout_of_the_same_seed(p: float) -> None:
    base, x = torch.randn(2, 1000).unbind()
    torch.manual_seed(5)
    expected = base + dropout(x, p, training=True)
    torch.manual_seed(5)
    torch.testing.assert_close(add_dropout(base, x, p, training=True), expected)
    torch.testing.assert_close(add_dropout(base, x, p, training=False), base + x)
