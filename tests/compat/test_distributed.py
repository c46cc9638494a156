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


@pytest.mark.parametrize('launcher', ['pytorch', 'slurm'])
def test_two_processes_train_one_model_on_the_cpu(
    tmp_path: Path, start: Callable[..., Any], launcher: str
) -> None:
    port = free_port()
    ranks = [start(toy.train_in_a_group, tmp_path, rank, port, launcher) for rank in (0, 1)]
    for process in ranks:
        process.join(60)
    assert [process.exitcode for process in ranks] == [0, 0]
    first, second = (torch.load(tmp_path / f'rank_{rank}.pt') for rank in (0, 1))
    learnt = [key for key in first['weights'] if key.endswith(('weight', 'bias'))]
    assert all(torch.equal(first['weights'][key], second['weights'][key]) for key in learnt)
    assert not set(first['draws']) & set(second['draws'])
    assert (tmp_path / 'epoch_1.pth').is_file()


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
