"""Cases around what a user waits for first."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from .measure import Figure, figure, seconds

ROOT = Path(__file__).parents[2]
_FIRST_STEP = """
import sys, runpy
from mmengine.hooks import Hook
Hook.after_train_iter = lambda *_, **__: sys.exit(0)
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name='__main__')
"""


def help_page() -> Figure:
    """Wall time of `tools/train.py --help`."""
    values = [seconds(lambda: _run(str(ROOT / 'tools/train.py'), '--help')) for _ in range(5)]
    return figure('tools/train.py --help', values, 's', goal=1.0)


def first_step() -> Figure:
    """From the command line to the end of the first training step of the demo's config."""
    with tempfile.TemporaryDirectory() as folder:
        command = [str(ROOT / 'tools/train.py'), str(ROOT / 'configs/demo/hiclr.py'), '--work-dir', folder]
        values = [seconds(lambda: _run('-c', _FIRST_STEP, *command)) for _ in range(5)]
    return figure('first training step of configs/demo/hiclr.py', values, 's', goal=10.0)


def _run(*arguments: str) -> None:
    subprocess.run([sys.executable, *arguments], check=True, capture_output=True, cwd=ROOT)


def cases() -> Iterator[tuple[str, Callable[[], Figure]]]:
    """Name -> what measures it."""
    yield 'help', help_page
    yield 'first-step', first_step
