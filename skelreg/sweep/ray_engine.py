"""The steps of a sweep as tasks of a Ray cluster whose machines share one file system."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..errors import ConfigError
from .engines import Attempt, Engine, spawn

#: How often a step starts again whose worker died under it; a step that fails by itself is not repeated.
RETRIES = 3

#: What the steps take over from the environment of the sweep; the rest is that of the worker's machine.
_TAKEN_ALONG = ('SKELREG_', 'PYTHONPATH')

#: As a shell reports a process that was killed.
_LOST = 137


class RayEngine(Engine):
    """One Ray task a step, each a process of its own on some machine of the cluster.

    A step whose worker or machine dies starts again elsewhere, where training goes on from its last
    checkpoint. All machines must see the repository, the data and the work directory at the same paths and
    have skelreg installed.

    Args:
        address: Of the cluster's head, 'auto' for the cluster that this machine belongs to; None for the one
            that RAY_ADDRESS names, or else a new one on this machine.
        cpus: Cores that a step takes, and threads it computes with.
        gpus: GPUs that a step takes; a fraction lets several share one.
        jobs: How many steps run at a time; None for as many as the cluster has cores and GPUs for.
    """

    def __init__(
        self, address: str | None = None, cpus: int = 1, gpus: float = 0.0, jobs: int | None = None
    ) -> None:
        if cpus < 1 or gpus < 0 or (jobs is not None and jobs < 1):
            raise ConfigError(
                'a step takes a core or more and no negative share of a GPU, and one or more run at a time',
                got=f'--cpus {cpus}, --gpus {gpus:g}, --jobs {jobs}',
            )
        self._ray = _import_ray()
        self._cpus, self._gpus, self._jobs = cpus, gpus, jobs
        if not self._ray.is_initialized():
            self._connect(address)
        self._task = self._ray.remote(
            num_cpus=cpus, num_gpus=gpus, max_retries=RETRIES, retry_exceptions=False
        )(run_command)
        if self.slots < 1:
            raise ConfigError(
                'no step fits the cluster', got=f'{cpus} core(s) and {gpus:g} GPU(s) a step',
                accepted=f'at most {self._resource("CPU"):g} cores and {self._resource("GPU"):g} GPUs in all',
                where='--cpus, --gpus',
            )

    def _connect(self, address: str | None) -> None:
        # Left to itself, Ray waits for the last cluster of this machine, even where that one was killed.
        address = address or os.environ.get('RAY_ADDRESS') or 'local'
        try:
            self._ray.init(
                address=address, include_dashboard=False, log_to_driver=False, logging_level='error'
            )
        except Exception as error:  # Ray tells a busy machine from a wrong address by the text alone
            raise ConfigError(
                'Ray does not answer', got=str(error), where=f'--address {address}',
                fix='check the address with `ray status --address ADDRESS`; on a busy machine, start Ray '
                'with `ray start --head` before the sweep',
            ) from error

    @property
    def slots(self) -> int:
        room = int(self._resource('CPU') // self._cpus)
        if self._gpus:
            room = min(room, int(self._resource('GPU') / self._gpus))
        return room if self._jobs is None else min(room, self._jobs)

    def _resource(self, name: str) -> float:
        """How much of it the machines have that are in the cluster now."""
        return float(self._ray.cluster_resources().get(name, 0))

    def start(self, command: Sequence[str], log: Path) -> Attempt:
        environment = {key: value for key, value in os.environ.items() if key.startswith(_TAKEN_ALONG)}
        reference = self._task.remote(
            list(command), str(log.absolute()), str(Path.cwd()), self._cpus, environment
        )
        return _RayAttempt(self._ray, reference, log)

    def __str__(self) -> str:
        return f'{self.slots} at a time on Ray, {self._cpus} core(s) and {self._gpus:g} GPU(s) each'


class _RayAttempt(Attempt):
    def __init__(self, ray: Any, reference: Any, log: Path) -> None:
        self._ray, self._reference, self._log = ray, reference, log
        self._status: int | None = None

    @property
    def status(self) -> int | None:
        if self._status is None and self._ray.wait([self._reference], timeout=0)[0]:
            self._status = self._outcome()
        return self._status

    def _outcome(self) -> int:
        try:
            return int(self._ray.get(self._reference))
        except self._ray.exceptions.RayError as error:  # the retries are used up, or it could not even start
            with open(self._log, 'a') as log:
                log.write(f'error: Ray lost this step: {error}\n')
            return _LOST

    def kill(self) -> None:
        self._ray.cancel(self._reference, force=True)


def run_command(
    command: list[str], log: str, folder: str, threads: int, environment: dict[str, str]
) -> int:
    """In a worker: run Python with these arguments in a folder; its exit status.

    The process ends with the worker, so that a second try does not meet the first.
    """
    os.chdir(folder)
    return spawn(command, Path(log), threads, {**os.environ, **environment}).wait()


def _import_ray() -> Any:
    os.environ.setdefault('RAY_USAGE_STATS_ENABLED', '0')  # it would report to its makers
    try:
        import ray
    except ImportError as error:
        raise ConfigError(
            'the engine `ray` needs Ray, which is not installed', got=str(error),
            fix="pip install 'skelreg[cluster]'",
        ) from error
    return ray
