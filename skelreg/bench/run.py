"""Run cases one after the other, each in a process of its own, and show each figure as it comes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from pathlib import Path

import torch
from torch.profiler import ProfilerActivity
from torch.profiler import profile as torch_profile

from ..durable import check_writable
from ..engine.allocator import keep_freed_memory
from ..engine.files import write_json
from ..engine.terminal import say
from ..errors import ConfigError, SkelregError, closest
from . import data, gpu, memory, ranks, release, startup, training
from .measure import Figure


def all_cases() -> dict[str, Callable[[], Figure]]:
    """Name -> what measures it; those of a GPU only where there is one."""
    parts = [training, release, data, memory, ranks, startup, *([gpu] if torch.cuda.is_available() else [])]
    return {name: case for part in parts for name, case in part.cases()}


def list_cases() -> list[str]:
    """The names."""
    return list(all_cases())


def run_cases(names: Sequence[str] = (), path: Path | None = None) -> list[Figure]:
    """Measure the named cases, or all; none of them sees the memory that another one has left behind.

    Args:
        names: Of cases; none is all of them.
        path: Where the figures go as JSON, written anew after every case, so that a run that is stopped
            loses none of them.

    Raises:
        ConfigError: If there is no such case.
        DataError: If the file cannot be written; no case has run then.
        SkelregError: If the process of a case is killed.
    """
    cases = all_cases()
    for name in names:
        if name not in cases:
            raise ConfigError(f"there is no case '{name}'", accepted=closest(name, cases))
    if path is not None:
        check_writable(path)
    figures = []
    for name in names or cases:
        figures.append(measured_alone(name))
        say(f'{name:14} {line(figures[-1])}')
        if path is not None:
            write_json(path, [figure.as_dict() for figure in figures])
    return figures


def measured_alone(name: str) -> Figure:
    """The figure of a case, measured in a new process.

    Raises:
        SkelregError: If that process is killed.
    """
    try:
        with ProcessPoolExecutor(1, mp_context=get_context('spawn')) as process:
            return process.submit(_measured, name).result()
    except BrokenProcessPool as error:
        raise SkelregError(
            f"the process that measured the case '{name}' was killed", got=str(error),
            fix='if memory ran out, free some or leave the case out; the figures before it are kept',
        ) from error


def _measured(name: str) -> Figure:
    keep_freed_memory()  # as every training does
    return all_cases()[name]()


def line(figure: Figure) -> str:
    """One figure as a person reads it."""
    text = f'{figure.case}: {figure.value:.4g} {figure.unit} ({figure.low:.4g} .. {figure.high:.4g})'
    if figure.goal is not None:
        bound = f'{"<=" if figure.at_most else ">="} {figure.goal:g}'
        text += f', goal {bound}: {"met" if figure.met else "NOT met"}'
    return f'{text}; {figure.remark}' if figure.remark else text


def profile(backbone: str) -> str:
    """Where a pretext step spends its time, as a table of operators.

    Raises:
        ConfigError: If there is no such backbone.
    """
    if backbone not in training.BACKBONES:
        raise ConfigError(f"no backbone '{backbone}'", accepted=closest(backbone, training.BACKBONES))
    keep_freed_memory()
    step = training.step_of(training.pretext_model(training.BACKBONES[backbone]), training.batch_of(16))
    for _ in range(3):
        step()
    with torch_profile(activities=[ProfilerActivity.CPU]) as recorded:
        step()
    operators = recorded.key_averages()
    return str(operators.table(sort_by='self_cpu_time_total', row_limit=20, max_name_column_width=48))
