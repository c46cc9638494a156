"""Times as ratios, so that figures of different machines can stand beside each other."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any

import torch

REPEATS = 5
UNIT_SIZE = 2048


@dataclass(frozen=True)
class Figure:
    """One measured figure.

    Attributes:
        case: What was measured.
        value: The median.
        unit: What the value counts.
        low, high: Least and greatest of the repeats.
        goal, aim: What it must and what it should reach, or None where nothing is asked.
        at_most: Whether smaller values are better.
        remark: What else is needed to read it.
    """

    case: str
    value: float
    unit: str
    low: float
    high: float
    goal: float | None = None
    aim: float | None = None
    at_most: bool = True
    remark: str = ''

    @property
    def met(self) -> bool | None:
        """Whether the goal is reached; None where there is none."""
        if self.goal is None:
            return None
        return self.value <= self.goal if self.at_most else self.value >= self.goal

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {**asdict(self), 'met': self.met}


def figure(case: str, values: list[float], unit: str, **bounds: Any) -> Figure:
    """The median of repeats with its spread."""
    return Figure(case, statistics.median(values), unit, min(values), max(values), **bounds)


def seconds(run: Callable[[], Any], device: torch.device | str = 'cpu') -> float:
    """Wall time of one call; a GPU's queue is drained before and after."""
    on_gpu = torch.device(device).type == 'cuda'
    if on_gpu:
        torch.cuda.synchronize()
    start = time.perf_counter()
    run()
    if on_gpu:
        torch.cuda.synchronize()
    return time.perf_counter() - start


def unit_seconds() -> float:
    """One unit: a 2048 x 2048 x 2048 float32 matrix product with the threads of now, the best of four."""
    a = torch.ones(UNIT_SIZE, UNIT_SIZE)
    return min(seconds(lambda: a @ a) for _ in range(4))


def in_units(run: Callable[[], Any], repeats: int = REPEATS) -> list[float]:
    """Repeats of one call in units, the unit measured anew around each; one more call warms up."""
    run()
    values = []
    for _ in range(repeats):
        before = unit_seconds()
        taken = seconds(run)
        values.append(taken / min(before, unit_seconds()))
    return values


def ratios(run: Callable[[], Any], other: Callable[[], Any], repeats: int = REPEATS) -> list[float]:
    """Repeats of time(run) / time(other), one after the other; both are warmed up."""
    run(), other()
    return [seconds(run) / seconds(other) for _ in range(repeats)]


@contextmanager
def threads(count: int) -> Iterator[None]:
    """Run with so many threads."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
