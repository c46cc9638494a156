"""Losses on a device reach the message hub in their order, some steps at a time."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from mmengine.hooks import RuntimeInfoHook
from mmengine.logging import MessageHub

from skelreg.compat import runtime_info
from skelreg.compat.files import load_file
from skelreg.compat.runtime_info import DeferredRuntimeInfoHook
from skelreg.runner import build_runner
from tests.runs import SKELETONCLR, small


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
    runner = SimpleNamespace(
        message_hub=hub, iter=0, max_iters=24, train_loop=SimpleNamespace(dataloader=range(8))
    )
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


def trained(
    work_dir: Path, capsys: pytest.CaptureFixture[str], by_epoch: bool
) -> tuple[list[dict[str, Any]], list[str], dict[str, list[float]]]:
    """What a run of two epochs or eight steps writes, what it says meanwhile, the losses it saves."""
    cfg = small(SKELETONCLR, sequences=48, train_dataloader__batch_size=2)
    cfg.train_cfg = dict(by_epoch=True, max_epochs=2) if by_epoch else dict(by_epoch=False, max_iters=8)
    cfg.default_hooks.logger |= dict(iter_interval=4, heartbeat=1e-9)
    cfg.default_hooks.checkpoint |= dict(by_epoch=by_epoch, interval=1 if by_epoch else 5, max_keep_ckpts=-1)
    cfg.param_scheduler = None
    build_runner(cfg, work_dir).train()
    lines = [json.loads(line) for line in (work_dir / 'scalars.jsonl').read_text().splitlines()]
    said = [line for line in capsys.readouterr().out.splitlines() if ', batch' in line]
    saved = {path.name: load_file(path)['message_hub'] for path in sorted(work_dir.glob('*.pth'))}
    losses = {name: hub['log_scalars']['train/loss']['values'].tolist() for name, hub in saved.items()}
    times = ('seconds', 'time', 'data_time')
    return [{k: v for k, v in line.items() if k not in times} for line in lines], said, losses


@pytest.mark.parametrize('by_epoch', [True, False])
def test_what_a_run_writes_says_and_saves_does_not_depend_on_when_numbers_are_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, by_epoch: bool
) -> None:
    at_once = trained(tmp_path / 'at_once', capsys, by_epoch)
    monkeypatch.setattr(runtime_info, '_is_elsewhere', lambda value: isinstance(value, torch.Tensor))
    assert trained(tmp_path / 'deferred', capsys, by_epoch) == at_once
    lines, said, _ = at_once
    assert {line['iter'] for line in lines} >= {4, 8} and said
