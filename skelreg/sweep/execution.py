"""Runs the steps of a sweep: resumable, a failed cell recorded while the others finish."""

from __future__ import annotations

import fcntl
import json
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ..compat.checkpoint import latest_checkpoint
from ..engine.files import write_json
from ..engine.terminal import Heartbeat, duration
from ..errors import ConfigError
from .engines import Engine
from .plan import Cell, PlannedStep, shown

LOG = 'log.txt'

_DONE, _FAILED = 'done.json', 'failed.json'
_LAST_LINES = 12
_POLL_SECONDS = 0.1
_SILENT_SECONDS = 60.0


def done(step: PlannedStep) -> dict[str, Any] | None:
    """The record of a finished step: key, command, seconds, product, results; None before it is one."""
    record = _read(step.folder / _DONE)
    return record if record is not None and record['key'] == step.key else None


def failure(step: PlannedStep) -> dict[str, Any] | None:
    """The record of a failed step: status, command, log, last_lines; None unless its latest run failed."""
    return _read(step.folder / _FAILED)


def gist(lines: Sequence[str]) -> str:
    """The one line of a log's end that says what went wrong."""
    errors = [line for line in lines if line.startswith('error: ')]
    return (errors or lines)[-1].removeprefix('error: ').strip() if lines else ''


def run(cells: Sequence[Cell], root: Path, engine: Engine, report: Callable[[str], None]) -> None:
    """Run whatever is not finished; a step that fails ends its cell only.

    Args:
        cells: From `plan`.
        root: The folder that holds `tools`.
        engine: Where they run.
        report: Called with one line for every step that ends, and every minute in which no step can run.
    """
    steps = {step.folder: step for cell in cells for step in cell.steps}
    total, ended = len(steps), sum(done(step) is not None for step in steps.values())
    waiting, failed = deque(cells), set[Path]()
    report(f'{total} steps, {ended} finished before; {engine}')
    running: list[_Running] = []
    silence = Heartbeat(_SILENT_SECONDS)
    try:
        while waiting or running:
            while len(running) < engine.slots and (cell := _take(waiting, running, failed)) is not None:
                running.append(_Running(cell, root, engine))
            for work in [work for work in running if work.attempt.status is not None]:
                running.remove(work)
                ended += 1
                report(f'[{ended}/{total}] {work.conclude()}')
                if failure(work.step) is None:
                    waiting.appendleft(work.cell)
                else:
                    failed.add(work.step.folder)
            if engine.slots < 1 and silence.due():
                report(f'no step can run; waiting for {engine}')
            time.sleep(_POLL_SECONDS)
    finally:
        for work in running:
            work.attempt.kill()


@contextmanager
def locked(work_dir: Path) -> Iterator[None]:
    """Keep a second sweep out of a work directory.

    Raises:
        ConfigError: If another sweep is at work there.
    """
    work_dir.mkdir(parents=True, exist_ok=True)
    with open(work_dir / 'lock', 'w') as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ConfigError(
                'another sweep is at work in this folder', where=str(work_dir),
                fix='wait for it to end, or choose another --work-dir',
            ) from None
        yield


class _Running:
    """The next step of a cell, running.

    Args:
        cell: One with a step left to run.
        root: The folder that holds `tools`.
        engine: Runs it.
    """

    def __init__(self, cell: Cell, root: Path, engine: Engine) -> None:
        self.cell, self.step = cell, _unfinished(cell)
        self._start = time.monotonic()
        self.command = self.step.command(_product(self.step.source))
        self._before = self._result_files()
        self.step.folder.mkdir(parents=True, exist_ok=True)
        with open(self.step.folder / LOG, 'a') as log:
            log.write(f'$ {shown(self.command)}\n')
        script, *arguments = self.command
        self.attempt = engine.start([str(root / script), *arguments], self.step.folder / LOG)

    def conclude(self) -> str:
        """Record how the step ended, and say so in one line."""
        seconds = time.monotonic() - self._start
        head = f'{self.cell.name}  {self.step.kind} {self.step.config}  {duration(seconds)}'
        results = self._results()
        repeated = sorted(set(results) & _protocols_before(self.cell, self.step))
        if self.attempt.status == 0 and not repeated:
            self._record_success(results, seconds)
            return '  '.join([head, *(f'{name} {100 * r["top1"]:.1f} %' for name, r in results.items())])
        lines = (self.step.folder / LOG).read_text('utf-8', errors='replace').splitlines()
        if repeated:
            lines.append(f'an earlier step of the row reports {", ".join(repeated)} as well')
        self._record_failure(lines[-_LAST_LINES:])
        return f'{head}  FAILED: {gist(lines)} (log: {self.step.folder / LOG})'

    def _record_success(self, results: dict[str, Any], seconds: float) -> None:
        made = latest_checkpoint(self.step.folder) if self.step.kind == 'train' else None
        made = self.step.labels if self.step.kind == 'label' else made
        record = {
            'key': self.step.key, 'command': shown(self.command), 'seconds': round(seconds, 1),
            'product': None if made is None else str(made), 'results': results,
        }
        write_json(self.step.folder / _DONE, record)
        (self.step.folder / _FAILED).unlink(missing_ok=True)

    def _record_failure(self, last_lines: list[str]) -> None:
        record = {
            'status': self.attempt.status, 'command': shown(self.command),
            'log': str(self.step.folder / LOG), 'last_lines': last_lines,
        }
        write_json(self.step.folder / _FAILED, record)

    def _result_files(self) -> dict[Path, tuple[int, int]]:
        """Result files where this step writes them, with what tells a new one from an old one."""
        stats = {path: path.stat() for path in _workplace(self.step).glob('*.*.json')}
        return {path: (stat.st_ino, stat.st_mtime_ns) for path, stat in stats.items()}

    def _results(self) -> dict[str, dict[str, Any]]:
        """Protocol -> the result that this run has written."""
        new = [path for path, stat in self._result_files().items() if self._before.get(path) != stat]
        new.sort(key=lambda path: path.stat().st_mtime_ns)
        results = [json.loads(path.read_text('utf-8')) for path in new]
        return {result['protocol']: result for result in results}


def _take(waiting: deque[Cell], running: Sequence[_Running], failed: set[Path]) -> Cell | None:
    """Take the first cell whose next step writes where no other does; cells that are through go too."""
    busy = {_workplace(work.step) for work in running}
    for cell in list(waiting):
        step = _next_step(cell)
        if step is None or step.folder in failed:
            waiting.remove(cell)
        elif _workplace(step) not in busy:
            waiting.remove(cell)
            return cell
    return None


def _workplace(step: PlannedStep) -> Path:
    """Where a step writes its results: in its folder, or beside the checkpoint that it tests."""
    return step.source.folder if step.kind == 'test' and step.source is not None else step.folder


def _next_step(cell: Cell) -> PlannedStep | None:
    return next((step for step in cell.steps if done(step) is None), None)


def _unfinished(cell: Cell) -> PlannedStep:
    step = _next_step(cell)
    if step is None:
        raise ValueError(f'{cell.name} has no step left to run')
    return step


def _product(step: PlannedStep | None) -> str | None:
    """The checkpoint or the labels that a finished step has made."""
    record = None if step is None else done(step)
    return None if record is None else record['product']


def _protocols_before(cell: Cell, step: PlannedStep) -> set[str]:
    earlier = cell.steps[: cell.steps.index(step)]
    return {protocol for other in earlier for protocol in (done(other) or {}).get('results', {})}


def _read(path: Path) -> dict[str, Any] | None:
    return json.loads(path.read_text('utf-8')) if path.is_file() else None
