from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from skelreg.sweep.engines import LocalEngine

SLEEPER = """
import os, pathlib, sys, time
pathlib.Path(sys.argv[1]).write_text(str(os.getpid()))
print('asleep', flush=True)
time.sleep(120)
"""
SWEEP = """
import sys, time
from pathlib import Path
from skelreg.sweep.engines import LocalEngine
if __name__ == '__main__':
    LocalEngine(1).start(sys.argv[1:3], Path(sys.argv[3]))
    time.sleep(120)
"""


def wait_for(condition, seconds: float = 60.0) -> bool:
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.05)
    return bool(condition())


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_script_runs_with_its_arguments_its_log_and_its_status(tmp_path: Path) -> None:
    script, log = tmp_path / 'script.py', tmp_path / 'log.txt'
    script.write_text("import os, sys\nprint(sys.argv, os.environ['OMP_NUM_THREADS'])\nsys.exit('no room')\n")
    attempt = LocalEngine(1).start([str(script), 'a b'], log)
    assert wait_for(lambda: attempt.status is not None) and attempt.status == 1
    assert f"['{script}', 'a b']" in log.read_text() and 'no room' in log.read_text()


def test_a_killed_attempt_ends(tmp_path: Path) -> None:
    script, note = tmp_path / 'sleeper.py', tmp_path / 'pid'
    script.write_text(SLEEPER)
    attempt = LocalEngine(1).start([str(script), str(note)], tmp_path / 'log.txt')
    assert wait_for(lambda: note.is_file() and note.read_text())
    attempt.kill()
    assert attempt.status == -signal.SIGKILL


def test_a_step_ends_with_a_sweep_that_is_killed(tmp_path: Path) -> None:
    (tmp_path / 'sleeper.py').write_text(SLEEPER)
    (tmp_path / 'sweep.py').write_text(SWEEP)
    note = tmp_path / 'pid'
    arguments = [tmp_path / 'sweep.py', tmp_path / 'sleeper.py', note, tmp_path / 'log.txt']
    sweep = subprocess.Popen([sys.executable, *map(str, arguments)])
    assert wait_for(lambda: note.is_file() and note.read_text())
    assert is_running(int(note.read_text()))
    sweep.kill()
    sweep.wait()
    assert wait_for(lambda: not is_running(int(note.read_text())))
