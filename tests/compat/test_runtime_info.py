"""Losses on a device reach the message hub in their order, some steps at a time."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from mmengine.hooks import RuntimeInfoHook
from mmengine.logging import MessageHub

from skelreg.compat.runtime_info import DeferredRuntimeInfoHook
from skelreg.runner import build_runner
from tests.runs import small


class Elsewhere(torch.Tensor):
    """A number that says that it does not lie on the CPU."""

    is_cpu = False


def step(index: int, is_elsewhere: bool) -> dict[str, Any]:
    outputs = {'loss': torch.tensor(float(index)), 'acc': torch.tensor([0.5 * index]), 'plain': 2 * index}
    if is_elsewhere:
        outputs['loss'], outputs['acc'] = (outputs[n].as_subclass(Elsewhere) for n in ('loss', 'acc'))
    return outputs


def history(hook: RuntimeInfoHook, name: str, steps: int, is_elsewhere: bool) -> tuple[list[int], Any]:
    """How many losses the hub knows after each step of an epoch of eight, and what it knows in the end."""
    hub = MessageHub(name)
    runner = SimpleNamespace(message_hub=hub, iter=0, train_loop=SimpleNamespace(dataloader=range(8)))
    known = []
    for runner.iter in range(steps):
        hook.after_train_iter(runner, runner.iter % 8, None, step(runner.iter, is_elsewhere))
        scalars = hub.log_scalars
        known.append(len(scalars['train/loss'].data[0]) if 'train/loss' in scalars else 0)
    return known, {name: buffer.data[0].tolist() for name, buffer in hub.log_scalars.items()}


def test_numbers_of_a_device_are_read_some_steps_at_a_time() -> None:
    known, found = history(DeferredRuntimeInfoHook(interval=3), 'deferred', 16, True)
    #                 an interval      the end of the epoch
    assert known == [0, 0, 3, 3, 3, 6, 6, 8, 9, 9, 9, 12, 12, 12, 15, 16]
    assert found == history(RuntimeInfoHook(), 'at_once', 16, False)[1]


def test_numbers_of_the_cpu_are_read_at_once() -> None:
    known, found = history(DeferredRuntimeInfoHook(interval=3), 'cpu', 4, False)
    assert known == [1, 2, 3, 4] and found['train/plain'] == [0, 2, 4, 6]


def test_an_interval_below_one_is_refused() -> None:
    with pytest.raises(ValueError, match='>= 1 iterations, got 0'):
        DeferredRuntimeInfoHook(interval=0)


def test_the_configs_take_it(tmp_path: Path) -> None:
    hooks = build_runner(small('configs/demo/hiclr.py'), tmp_path).hooks
    found = [type(hook) for hook in hooks if isinstance(hook, RuntimeInfoHook)]
    assert found == [DeferredRuntimeInfoHook]
