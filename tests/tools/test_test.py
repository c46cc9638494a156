"""tools/test.py as a process."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.runs import KNN, ROOT


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ROOT / 'tools/test.py'), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, cwd=ROOT)


def test_a_model_with_weights_is_not_tested_without_a_checkpoint(tmp_path: Path) -> None:
    done = run(KNN, '--work-dir', str(tmp_path), '--synthetic', '64')
    assert done.returncode == 2 and 'Traceback' not in done.stderr
    assert 'name the checkpoint: tools/test.py CONFIG CHECKPOINT' in done.stderr


def test_help_names_the_checkpoint() -> None:
    done = run('--help')
    assert done.returncode == 0 and 'checkpoint' in done.stdout
