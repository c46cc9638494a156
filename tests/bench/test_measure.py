from __future__ import annotations

import pytest
import torch

from skelreg.bench import measure
from skelreg.bench.measure import Figure, figure, in_units, ratios, threads
from skelreg.bench.run import line


class Clock:
    """Time that passes only where a test lets it."""

    def __init__(self) -> None:
        self.now = 0.0

    def wait(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(measure.time, 'perf_counter', lambda: clock.now)
    return clock


@pytest.mark.parametrize(
    ('value', 'goal', 'at_most', 'met'),
    [
        (3.9, 4, True, True), (4, 4, True, True), (4.1, 4, True, False),
        (3.9, 4, False, False), (4, 4, False, True), (4.1, None, True, None),
    ],
)
def test_a_goal_is_met_from_its_side(
    value: float, goal: float | None, at_most: bool, met: bool | None
) -> None:
    found = Figure('case', value, 'units', value, value, goal=goal, at_most=at_most)
    assert found.met is met and found.as_dict()['met'] is met


def test_a_figure_is_the_median_with_its_spread() -> None:
    found = figure('case', [5.0, 1.0, 9.0, 2.0, 8.0], 'units', goal=4.0)
    assert (found.low, found.value, found.high, found.met) == (1, 5, 9, False)


def test_a_figure_reads_as_a_line() -> None:
    found = figure('parsing', [1.0, 2.0, 3.0], 'ratio', goal=4.0, remark='one thread')
    assert line(found) == 'parsing: 2 ratio (1 .. 3), goal <= 4: met; one thread'


def test_units_are_measured_around_every_repeat(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    units = iter([2.0, 4.0, 5.0, 1.0])
    monkeypatch.setattr(measure, 'unit_seconds', lambda: next(units))
    assert in_units(lambda: clock.wait(6), repeats=2) == [3, 6]


def test_a_ratio_compares_neighbouring_calls_after_a_warm_up(clock: Clock) -> None:
    run, other = iter([100.0, 6.0, 8.0]), iter([100.0, 3.0, 2.0])
    assert ratios(lambda: clock.wait(next(run)), lambda: clock.wait(next(other)), repeats=2) == [2, 4]


def test_the_number_of_threads_is_put_back() -> None:
    before = torch.get_num_threads()
    with pytest.raises(KeyError), threads(before + 1):
        assert torch.get_num_threads() == before + 1
        raise KeyError
    assert torch.get_num_threads() == before
