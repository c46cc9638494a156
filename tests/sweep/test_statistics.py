from __future__ import annotations

import pytest
from scipy import stats

from skelreg.sweep.statistics import paired_differences, summarise, t_quantile


@pytest.mark.parametrize('freedom', [1, 2, 3, 4, 5, 9, 10, 50, 101])
@pytest.mark.parametrize('level', [0.5, 0.9, 0.95, 0.999])
def test_t_quantile_agrees_with_scipy(level: float, freedom: int) -> None:
    assert t_quantile(level, freedom) == pytest.approx(stats.t.ppf((1 + level) / 2, freedom), rel=1e-9)


@pytest.mark.parametrize(('level', 'freedom'), [(0.0, 3), (1.0, 3), (0.95, 0)])
def test_t_quantile_refuses_what_has_no_answer(level: float, freedom: int) -> None:
    with pytest.raises(ValueError, match='level must be within'):
        t_quantile(level, freedom)


def test_summary_of_three_numbers_is_that_of_a_table() -> None:
    summary = summarise([1.0, 2.0, 6.0])
    assert summary.n == 3 and summary.mean == pytest.approx(3.0)
    assert summary.spread == pytest.approx(7**0.5)  # squares 4, 1, 9 over n - 1 = 2
    assert summary.interval == pytest.approx(4.302653 * 7**0.5 / 3**0.5)


def test_one_number_has_neither_spread_nor_interval() -> None:
    summary = summarise([4.0])
    assert (summary.mean, summary.spread, summary.interval, summary.n) == (4.0, None, None, 1)


def test_no_number_has_no_summary() -> None:
    with pytest.raises(ValueError, match='at least one'):
        summarise([])


@pytest.mark.parametrize(
    ('values', 'reference', 'expected'),
    [
        ({0: 3.0, 1: 5.0}, {0: 1.0, 1: 4.0}, [2.0, 1.0]),
        ({0: 3.0, 1: 5.0}, {1: 4.0, 2: 9.0}, [1.0]),
        ({None: 3.0}, {0: 1.0, 1: 4.0}, [2.0, -1.0]),
        ({0: 3.0, 1: 5.0}, {None: 1.0}, [2.0, 4.0]),
        ({None: 3.0}, {None: 1.0}, [2.0]),
        ({0: 3.0}, {1: 1.0}, []),
        ({}, {0: 1.0}, []),
    ],
)
def test_differences_pair_what_shares_a_seed(
    values: dict[int | None, float], reference: dict[int | None, float], expected: list[float]
) -> None:
    assert paired_differences(values, reference) == expected
