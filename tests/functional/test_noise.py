import pytest
import torch
from scipy import stats

from skelreg.functional import noise
from skelreg.functional.noise import normal_rows


def draw(*shape: int, seed: int = 0, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    every = torch.ones(shape[0], dtype=torch.bool)
    return normal_rows(torch.empty(shape, dtype=dtype), every, 1.0, torch.Generator().manual_seed(seed))[0]


def test_numbers_are_normal():
    x = draw(200_003)
    assert stats.kstest(x.numpy(), 'norm').pvalue > 0.01
    assert x.mean().item() == pytest.approx(0, abs=0.01)
    assert x.var().item() == pytest.approx(1, abs=0.01)


def test_numbers_beside_each_other_are_independent():
    x = draw(200_000)
    for lag in range(1, 9):
        assert (x[lag:] * x[:-lag]).mean().item() == pytest.approx(0, abs=0.01)


def test_one_generator_state_gives_one_draw():
    assert torch.equal(draw(3, 5, 7), draw(3, 5, 7))
    assert not torch.equal(draw(3, 5, 7), draw(3, 5, 7, seed=1))


@pytest.mark.parametrize('dtype', [torch.float32, torch.float64, torch.bfloat16])
def test_shape_and_dtype_are_those_of_the_pattern(dtype):
    x = draw(2, 3, 1, dtype=dtype)
    assert (x.shape, x.dtype) == ((2, 3, 1), dtype)


def test_only_chosen_rows_have_numbers_each_its_own():
    rows = torch.arange(1000) % 3 == 1
    drawn, place = normal_rows(torch.empty(1000, 7, 5), rows, 0.5, torch.Generator().manual_seed(0))
    assert drawn.shape == (333, 7, 5) and len(drawn[:, 0, 0].unique()) > 300
    assert place[rows].tolist() == list(range(333)) and (place[~rows] == -1).all()
    assert stats.kstest(drawn.numpy().ravel() / 0.5, 'norm').pvalue > 0.01
    for none in (torch.zeros(4, dtype=torch.bool), torch.zeros(0, dtype=torch.bool)):
        drawn, place = normal_rows(torch.ones(len(none), 2), none, std=1.0)
        assert drawn.shape == (0, 2) and place.tolist() == [-1] * len(none)


def test_other_devices_draw_for_all_rows_and_say_whose_they_are(monkeypatch):
    monkeypatch.setattr(noise, 'on_cpu', lambda x: False)
    rows = torch.arange(1000) % 3 == 1
    drawn, place = normal_rows(torch.empty(1000, 7, 5), rows, 0.5, torch.Generator().manual_seed(0))
    assert drawn.shape == (1000, 7, 5)
    assert torch.equal(place, torch.where(rows, torch.arange(1000), -1))
    assert stats.kstest(drawn.numpy().ravel() / 0.5, 'norm').pvalue > 0.01


def test_what_comes_next_does_not_depend_on_the_rows():
    following = []
    for rows in (torch.tensor([True, False, True]), torch.tensor([False, False, False])):
        generator = torch.Generator().manual_seed(0)
        normal_rows(torch.empty(3, 5), rows, std=1.0, generator=generator)
        following.append(torch.rand(4, generator=generator))
    assert torch.equal(*following)


def test_another_default_dtype_changes_nothing():
    expected = draw(3, 5)
    torch.set_default_dtype(torch.float64)
    try:
        assert torch.equal(draw(3, 5), expected)
    finally:
        torch.set_default_dtype(torch.float32)
