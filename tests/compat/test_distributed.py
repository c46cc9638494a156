from __future__ import annotations

import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from skelreg.compat.distributed import start_distributed
from skelreg.errors import ConfigError
from tests.compat import toy


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(('127.0.0.1', 0))
        return int(listener.getsockname()[1])


def test_two_processes_train_one_model_on_the_cpu(tmp_path: Path, start: Callable[..., Any]) -> None:
    shared = {'WORLD_SIZE': '2', 'MASTER_ADDR': '127.0.0.1', 'MASTER_PORT': str(free_port())}
    own = [{'RANK': str(rank), 'LOCAL_RANK': str(rank), **shared} for rank in (0, 1)]
    ranks = [start(toy.train_in_a_group, tmp_path, rank, own[rank], 'pytorch') for rank in (0, 1)]
    for process in ranks:
        process.join(60)
    assert [process.exitcode for process in ranks] == [0, 0]
    first, second = (torch.load(tmp_path / f'rank_{rank}.pt') for rank in (0, 1))
    learnt = [key for key in first['weights'] if key.endswith(('weight', 'bias'))]
    assert all(torch.equal(first['weights'][key], second['weights'][key]) for key in learnt)
    assert not set(first['draws']) & set(second['draws'])
    assert (tmp_path / 'epoch_1.pth').is_file()


def test_a_slurm_job_on_one_node_needs_nothing_but_slurm(tmp_path: Path, start: Callable[..., Any]) -> None:
    environment = {'SLURM_PROCID': '0', 'SLURM_LOCALID': '0', 'SLURM_NTASKS': '1', 'SLURM_NNODES': '1'}
    environment['MASTER_PORT'] = str(free_port())
    process = start(toy.train_in_a_group, tmp_path, 0, environment, 'slurm')
    process.join(60)
    assert process.exitcode == 0
    assert (tmp_path / 'rank_0.pt').is_file()


def test_none_starts_nothing() -> None:
    start_distributed('none')
    assert not torch.distributed.is_initialized()


@pytest.mark.parametrize(
    ('launcher', 'message'), [('pytorch', 'torchrun'), ('slurm', 'srun'), ('mpi', 'none, pytorch, slurm')]
)
def test_a_launcher_that_did_not_launch_is_named(
    monkeypatch: pytest.MonkeyPatch, launcher: str, message: str
) -> None:
    for name in ('RANK', 'WORLD_SIZE', 'SLURM_PROCID'):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(ConfigError, match=message):
        start_distributed(launcher)
