"""A sweep on a Ray cluster of this machine with two workers; the tools are stand-ins."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from skelreg.errors import ConfigError
from skelreg.sweep.execution import LOG, done, failure, run
from skelreg.sweep.ray_engine import RayEngine

from .conftest import KNN, LINEAR, MakeCells

ray = pytest.importorskip('ray', reason="needs pip install 'skelreg[cluster]'")

GRID = f"""
sound:
  - {{train: {LINEAR}, options: {{model.report: true}}}}
  - {{test: {KNN}, from: 1}}
broken:
  - {{train: {LINEAR}, options: {{model.fail: true}}}}
"""

#: Put before a stand-in: the first run of seed 0 tells which worker it hangs under, and waits for its end.
HANGING = """
import os, pathlib, sys, time
note = pathlib.Path(__file__).with_name('worker')
if 'randomness.seed=0' in sys.argv and 'model.report=True' in sys.argv and not note.exists():
    note.write_text(str(os.getppid()))
    time.sleep(240)
    sys.exit('error: nobody killed the worker')
"""


@pytest.fixture(scope='module', autouse=True)
def _cluster() -> Iterator[None]:
    start_ray()
    yield
    ray.shutdown()


def start_ray(tries: int = 3) -> None:
    """Two workers of one core; on a busy machine Ray gives its own processes too little time to start."""
    for left in reversed(range(tries)):
        try:
            ray.init('local', num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level='error')
            return
        except Exception:
            ray.shutdown()
            if not left:
                raise


def kill_the_worker(note: Path) -> None:
    """Kill the worker that a stand-in has written down."""
    deadline = time.monotonic() + 120
    while not (note.exists() and note.read_text()):
        if time.monotonic() > deadline:
            return
        time.sleep(0.02)
    os.kill(int(note.read_text()), signal.SIGKILL)


@pytest.mark.skipif(os.name != 'posix', reason='workers are killed by signal')
def test_a_step_goes_on_after_its_worker_was_killed_and_what_fails_is_recorded(
    root: Path, cells_of: MakeCells
) -> None:
    train = root / 'tools' / 'train.py'
    train.write_text(HANGING + train.read_text())
    cells = cells_of(GRID)
    lines: list[str] = []
    killer = threading.Thread(target=kill_the_worker, args=[train.with_name('worker')])
    killer.start()
    run(cells, root, RayEngine(), lines.append)
    killer.join()
    assert (root / 'tools' / 'worker').exists() and '2 at a time on Ray' in lines[0]
    sound, broken = ([cell for cell in cells if cell.row == row] for row in ('sound', 'broken'))
    assert all(done(step) for cell in sound for step in cell.steps)
    for cell in broken:
        assert failure(cell.steps[0])['last_lines'][-1] == 'error: it was told to fail'
    retried = next(cell for cell in sound if cell.seed == 0).steps[0].folder / LOG
    assert retried.read_text().count('threads 1\n') == 1  # the first try never came so far


def test_a_worker_runs_in_the_folder_of_the_sweep_with_its_settings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = tmp_path / 'told.py'
    script.write_text('import os; e = os.environ; print(os.getcwd(), e["SKELREG_IS"], e["OMP_NUM_THREADS"])')
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv('SKELREG_IS', 'hello')
    attempt = RayEngine(cpus=2).start([str(script)], Path('log'))
    while attempt.status is None:
        time.sleep(0.05)
    assert attempt.status == 0 and Path('log').read_text() == f'{tmp_path} hello 2\n'


def test_a_killed_attempt_ends(tmp_path: Path) -> None:
    script = tmp_path / 'waits.py'
    script.write_text('import os, time; print(os.getpid()); time.sleep(300)')
    attempt = RayEngine().start([str(script)], tmp_path / 'log')
    while not ((tmp_path / 'log').exists() and (tmp_path / 'log').read_text()):
        time.sleep(0.02)
    assert attempt.status is None
    attempt.kill()
    pid, deadline = int((tmp_path / 'log').read_text()), time.monotonic() + 60
    while Path(f'/proc/{pid}').exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not Path(f'/proc/{pid}').exists() and attempt.status != 0


def test_an_address_where_nothing_answers_is_one_message(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuses(**arguments: Any) -> None:
        raise ConnectionError(f'nobody at {arguments["address"]}')

    monkeypatch.setattr(ray, 'is_initialized', lambda: False)
    monkeypatch.setattr(ray, 'init', refuses)
    with pytest.raises(ConfigError, match='Ray does not answer') as caught:
        RayEngine(address='127.0.0.1:1')
    assert 'nobody at 127.0.0.1:1' in str(caught.value) and '--address 127.0.0.1:1' in str(caught.value)


@pytest.mark.parametrize(
    ('address', 'environment', 'asked'),
    [(None, '', 'local'), (None, 'HEAD:1', 'HEAD:1'), ('auto', 'HEAD:1', 'auto')],
)
def test_without_an_address_a_cluster_is_started_here(
    address: str | None, environment: str, asked: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuses(**arguments: Any) -> None:
        raise ConnectionError(f'nobody at {arguments["address"]}')

    monkeypatch.setattr(ray, 'is_initialized', lambda: False)
    monkeypatch.setattr(ray, 'init', refuses)
    monkeypatch.setenv('RAY_ADDRESS', environment)
    with pytest.raises(ConfigError, match=f'nobody at {asked}'):
        RayEngine(address=address)


def test_jobs_bound_what_runs_at_a_time() -> None:
    assert [RayEngine().slots, RayEngine(jobs=1).slots, RayEngine(cpus=2).slots] == [2, 1, 1]


def test_a_step_that_no_machine_can_take_is_refused() -> None:
    with pytest.raises(ConfigError, match='no step fits the cluster') as caught:
        RayEngine(gpus=1)
    assert '0 GPUs in all' in str(caught.value)
