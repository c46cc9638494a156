"""Starting several processes, on GPUs or on CPUs."""

from __future__ import annotations

import os
import shutil
import subprocess
from datetime import timedelta

import torch
from torch import distributed

from ..errors import ConfigError

LAUNCHERS = ('none', 'pytorch', 'slurm')
_NEEDED = ('RANK', 'WORLD_SIZE', 'LOCAL_RANK', 'MASTER_ADDR', 'MASTER_PORT')


def start_distributed(launcher: str = 'none') -> None:
    """Join the process group, with nccl on GPUs and gloo on CPUs; a second call does nothing.

    MMEngine's own start calls `torch.cuda.set_device` whatever the machine.

    Args:
        launcher: 'none', 'pytorch' (torchrun) or 'slurm'.
    Raises:
        ConfigError: If the launcher is unknown or its environment is not there.
    """
    if launcher not in LAUNCHERS:
        raise ConfigError('unknown launcher', got=launcher, accepted=', '.join(LAUNCHERS), where='launcher')
    if launcher == 'none' or distributed.is_initialized():
        return
    if launcher == 'slurm':
        _environment_from_slurm()
    lacking = [name for name in _NEEDED if name not in os.environ]
    if lacking:
        raise ConfigError(
            'this process was not started by the launcher that it names',
            got=f'{", ".join(lacking)} not in the environment', where='launcher',
            fix='start it with torchrun --nproc-per-node N tools/train.py ..., or leave --launcher out',
        )
    on_gpu = torch.cuda.is_available()
    if on_gpu:
        # Slurm may show every process a single GPU, its own, which is number 0 then.
        torch.cuda.set_device(int(os.environ['LOCAL_RANK']) % torch.cuda.device_count())
    distributed.init_process_group('nccl' if on_gpu else 'gloo', timeout=timedelta(minutes=30))


def _environment_from_slurm() -> None:
    """Translate Slurm's variables into those that torch reads; what is set already stays."""
    if 'SLURM_PROCID' not in os.environ:
        raise ConfigError(
            'this process was not started by Slurm', got='SLURM_PROCID not in the environment',
            where='launcher', fix='start it with srun, or leave --launcher out',
        )
    rank = os.environ['SLURM_PROCID']
    os.environ.setdefault('RANK', rank)
    os.environ.setdefault('WORLD_SIZE', os.environ.get('SLURM_NTASKS', '1'))
    os.environ.setdefault('LOCAL_RANK', os.environ.get('SLURM_LOCALID', '0'))
    os.environ.setdefault('MASTER_PORT', '29500')
    if 'MASTER_ADDR' not in os.environ:
        os.environ['MASTER_ADDR'] = _first_slurm_host()


def _first_slurm_host() -> str:
    if os.environ.get('SLURM_NNODES', '1') == '1':
        return '127.0.0.1'
    if shutil.which('scontrol') is None:
        raise ConfigError(
            'the first host of this Slurm job is not known', got='no scontrol on the path', where='launcher',
            fix='set MASTER_ADDR to the name of the first host',
        )
    command = ['scontrol', 'show', 'hostnames', os.environ['SLURM_JOB_NODELIST']]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()[0]
