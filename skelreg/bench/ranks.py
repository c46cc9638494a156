"""Throughput of several processes of one thread each against one; as a module, what each of them runs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import torch
from mmengine.model import MMDistributedDataParallel
from torch import distributed

from ..compat.distributed import start_distributed
from ..compat.quiet import no_deprecated_ddp_argument
from .measure import REPEATS, Figure, figure, seconds
from .startup import ROOT
from .training import STGCN, batch_of, pretext_model, step_of

BATCH = 16


def scaling(count: int) -> Figure:
    """Sequences a second of `count` processes over those of one; every process has a batch of its own."""
    values = [count * one / many for one, many in zip(_step_seconds(1), _step_seconds(count), strict=True)]
    return figure(
        f'throughput of {count} processes of 1 thread, against 1 process', values, 'ratio',
        remark=f'pretext step, exact, batch {BATCH} a process, {os.cpu_count()} cores; {count} is perfect',
    )


def _step_seconds(count: int) -> list[float]:
    """Steps of `count` processes on this machine, in seconds, as the first of them measures."""
    torchrun = ['-m', 'torch.distributed.run', '--standalone', '--nproc-per-node', str(count)]
    run = [sys.executable, *torchrun, '-m', 'skelreg.bench.ranks']
    environment = {**os.environ, 'OMP_NUM_THREADS': '1', 'CUDA_VISIBLE_DEVICES': ''}
    found = subprocess.run(run, check=True, capture_output=True, text=True, cwd=ROOT, env=environment)
    measured: list[float] = json.loads(found.stdout.splitlines()[-1])
    return measured


def main() -> None:
    """One process: steps of the release's pretext with gradients and keys shared, after one to warm up."""
    start_distributed('pytorch')
    torch.set_num_threads(1)
    model: Any = pretext_model(STGCN)
    if distributed.get_world_size() > 1:
        with no_deprecated_ddp_argument():
            model = MMDistributedDataParallel(module=model, broadcast_buffers=False)
    step = step_of(model, batch_of(BATCH))
    step()
    measured = [seconds(step) for _ in range(REPEATS)]
    if distributed.get_rank() == 0:
        sys.stdout.write(f'{json.dumps(measured)}\n')
    distributed.destroy_process_group()


def cases() -> Iterator[tuple[str, Callable[[], Figure]]]:
    """Name -> what measures it."""
    yield 'ranks-2', partial(scaling, 2)


if __name__ == '__main__':
    main()
