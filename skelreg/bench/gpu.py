"""The pretext step on a GPU: data, augmentation and queue in device memory, bfloat16, eager and compiled.

The goal is the compiled step's. The eager one is expected to wait for batch norm: where channels come first,
torch gives each of the 16 to 256 channels one block of threads (not measured).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch

from ..backbones.base import compile_backbones
from .measure import Figure, figure, seconds
from .training import ONE_BODY, STGCN, TRAIN, batch_of, pretext_model, step_of

BATCH, STEPS = 512, 20


def throughput(compiled: bool) -> Figure:
    """Sequences a second through the HiCLR step, taken at random from a set of NTU60's size on the device."""
    torch.backends.cudnn.benchmark = True  # all steps have the same shapes, and this process no other case
    model = pretext_model(STGCN).to('cuda')
    if compiled:
        compile_backbones(model, dynamic=False)
    everything = batch_of(TRAIN, ONE_BODY, device='cuda')
    batch = {name: value[:BATCH].clone() for name, value in everything.items()}
    step = step_of(model, batch, 'bfloat16')

    def steps() -> None:
        for _ in range(STEPS):
            rows = torch.randint(TRAIN, (BATCH,), device='cuda')
            batch['inputs'].copy_(everything['inputs'][rows])
            step()

    steps()
    values = [STEPS * BATCH / seconds(steps, 'cuda') for _ in range(5)]
    name = torch.cuda.get_device_name()
    return figure(
        f'pretext step on {name}, batch {BATCH}, {"compiled" if compiled else "eager"}', values,
        'sequences/s', goal=6000.0 if compiled else None, at_most=False,
        remark='bfloat16, data and augmentation on the device, without the hooks of a run',
    )


def cases() -> Iterator[tuple[str, Callable[[], Figure]]]:
    """Name -> what measures it."""
    yield 'gpu-eager', lambda: throughput(compiled=False)
    yield 'gpu-compiled', lambda: throughput(compiled=True)
