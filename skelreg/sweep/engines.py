"""Where the steps of a sweep run: on this machine, or wherever an engine takes them."""

from __future__ import annotations

import ctypes
import os
import runpy
import signal
import subprocess
import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from io import TextIOWrapper
from multiprocessing import get_context, parent_process
from multiprocessing.connection import wait
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING

import torch

from ..errors import ConfigError

if TYPE_CHECKING:
    from multiprocessing.context import ForkServerProcess


class Attempt(ABC):
    """A command that was started."""

    @property
    @abstractmethod
    def status(self) -> int | None:
        """The exit status, negative for a signal; None while it runs."""

    @abstractmethod
    def kill(self) -> None:
        """End it at once."""


class Engine(ABC):
    """Runs commands, some at a time."""

    @property
    @abstractmethod
    def slots(self) -> int:
        """How many commands it can have running."""

    @abstractmethod
    def start(self, command: Sequence[str], log: Path) -> Attempt:
        """Start Python with these arguments in the current folder.

        Args:
            command: The script and its arguments.
            log: Where its output is appended.
        """

    @abstractmethod
    def __str__(self) -> str:
        """For people: where, how many at a time, with how many threads."""


class LocalEngine(Engine):
    """Processes of this machine that share its cores.

    Args:
        jobs: How many run at a time.
    """

    def __init__(self, jobs: int) -> None:
        if jobs < 1:
            raise ConfigError('a sweep runs at least one step at a time', got=jobs, where='--jobs')
        self._jobs = jobs

    @property
    def slots(self) -> int:
        return self._jobs

    @property
    def _threads(self) -> int:
        return max(1, (os.cpu_count() or 1) // self._jobs)

    def start(self, command: Sequence[str], log: Path) -> Attempt:
        # Steps are forked off a process that has imported torch: that takes seconds, a short step as long.
        environment = {**os.environ, 'OMP_NUM_THREADS': str(self._threads)}
        context = get_context('forkserver')
        context.set_forkserver_preload(['skelreg.tasks', 'torch._dynamo'])
        process = context.Process(target=_run_script, args=(list(command), log, environment))
        process.start()
        return _LocalAttempt(process)

    def __str__(self) -> str:
        return f'{self._jobs} at a time, {self._threads} thread(s) each'


class _LocalAttempt(Attempt):
    def __init__(self, process: ForkServerProcess) -> None:
        self._process = process

    @property
    def status(self) -> int | None:
        return self._process.exitcode

    def kill(self) -> None:
        self._process.kill()
        self._process.join()


def _run_script(command: list[str], log: Path, environment: dict[str, str]) -> None:
    """Be `python -u SCRIPT ...` in a process that was forked off, torch and skelreg imported."""
    Thread(target=_end_with_sweep, daemon=True).start()
    with open(log, 'a') as out:
        os.dup2(out.fileno(), 1)
        os.dup2(out.fileno(), 2)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(write_through=True)
    os.environ.clear()
    os.environ.update(environment)
    torch.set_num_threads(int(environment['OMP_NUM_THREADS']))
    sys.argv, sys.path[0] = command, str(Path(command[0]).parent)
    runpy.run_path(command[0], run_name='__main__')


def _end_with_sweep() -> None:
    """A step ends with a sweep that is killed, so that no two processes write one folder."""
    sweep = parent_process()
    if sweep is not None:
        wait([sweep.sentinel])
        os.kill(os.getpid(), signal.SIGKILL)


def spawn(
    command: Sequence[str], log: Path, threads: int, environment: Mapping[str, str]
) -> subprocess.Popen[bytes]:
    """Start Python as a child of this process, which on Linux does not outlive it.

    Args:
        command: The script and its arguments.
        log: Standard output and standard error are appended to it.
        threads: How many threads the child computes with.
        environment: Of the child.
    """
    with open(log, 'a') as out:
        return subprocess.Popen(
            [sys.executable, '-u', *command], stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT,
            env={**environment, 'OMP_NUM_THREADS': str(threads)}, preexec_fn=_end_with_parent(),
        )


def _end_with_parent() -> Callable[[], object] | None:
    """On Linux such a child ends with a parent that is killed."""
    if sys.platform != 'linux':
        return None
    prctl, set_death_signal = ctypes.CDLL(None).prctl, 1
    return lambda: prctl(set_death_signal, signal.SIGKILL)
