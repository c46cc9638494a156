"""Where the steps of a sweep run: on this machine, or wherever an engine takes them."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from ..errors import ConfigError


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
        return _LocalAttempt(spawn(command, log, threads=self._threads, environment=os.environ))

    def __str__(self) -> str:
        return f'{self._jobs} at a time, {self._threads} thread(s) each'


class _LocalAttempt(Attempt):
    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process

    @property
    def status(self) -> int | None:
        return self._process.poll()

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()


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
    """On Linux a step ends with a sweep that is killed, so that no two processes write one folder."""
    if sys.platform != 'linux':
        return None
    prctl, set_death_signal = ctypes.CDLL(None).prctl, 1
    return lambda: prctl(set_death_signal, signal.SIGKILL)
