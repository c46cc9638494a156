"""Hooks that tell components the epoch and tell the user how training goes."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from statistics import fmean
from typing import Any

import torch
from mmengine.dist import all_gather_object, is_main_process
from mmengine.hooks import Hook
from mmengine.runner import Runner
from torch import Tensor

from ..backbones.base import compile_backbones
from ..compat.run_state import bare_model
from ..registry import HOOKS
from .scalars import ScalarLog
from .terminal import Heartbeat, duration, say


@HOOKS.register_module()
class SetEpochHook(Hook):
    """Calls `set_epoch(epoch)`, counted from 0, on every part of the model and the dataset that has it.

    It runs before every epoch, so that a resumed run starts with the epoch that it resumes in.
    """

    priority = 'VERY_HIGH'

    def before_train_epoch(self, runner: Runner) -> None:
        """Pass on the number of finished epochs."""
        for part in (*bare_model(runner).modules(), runner.train_loop.dataloader.dataset):
            if callable(getattr(part, 'set_epoch', None)):
                part.set_epoch(runner.epoch)


@HOOKS.register_module()
class CollectHook(Hook):
    """Shows the training set once, before training, to regularizers that keep something of every sequence.

    Without gradient and augmentation, in eval mode; every rank looks at all of it. A resumed run, whose
    regularizers have it from the checkpoint, skips this.

    Args:
        batch_size: Sequences at a time.
    """

    priority = 'LOW'

    def __init__(self, batch_size: int = 256) -> None:
        if batch_size < 1:
            raise ValueError(f'batch_size must be >= 1, got {batch_size}')
        self.batch_size = batch_size

    @torch.no_grad()
    def before_train(self, runner: Runner) -> None:
        """One pass, if any regularizer still has to see the data."""
        model: Any = bare_model(runner)
        collecting = [t.component for t in model.regularizers.values() if t.component.collects]
        if not collecting:
            return
        dataset, was_training = runner.train_loop.dataloader.dataset, model.training
        model.eval()
        for first in range(0, len(dataset), self.batch_size):
            rows = range(first, min(first + self.batch_size, len(dataset)))
            batch = model.data_preprocessor(dataset.__getitems__(rows), False)
            step = model.make_step(batch['multi_view'], labels=batch['labels'], index=batch['index'])
            for component in collecting:
                component.collect(step)
        model.train(was_training)


@HOOKS.register_module()
class CompileHook(Hook):
    """Compiles every backbone with `torch.compile` when training starts.

    Meant for GPUs, where nobody has measured it yet; on a CPU the step became slower. The first steps
    wait for the compiler, every further shape of a batch does once more. Names of parameters and
    checkpoints stay as they are. What cannot be compiled, such as torch's own GRU, runs as it is.

    Args:
        backend, mode: As of `torch.compile`.
    """

    def __init__(self, backend: str | Callable[..., Any] = 'inductor', mode: str | None = None) -> None:
        self.backend, self.mode = backend, mode

    def before_train(self, runner: Runner) -> None:
        """Compile."""
        compile_backbones(runner.model, backend=self.backend, mode=self.mode)


@HOOKS.register_module()
class ProgressHook(Hook):
    """One calm line an epoch on the terminal, every number in `scalars.jsonl`; stands in for LoggerHook.

    Losses are averaged over the epoch, and over the ranks that have them; other numbers that hooks leave
    in the message hub under 'train/' (learning rate, the collapse monitor's) are the latest ones.

    Args:
        filename: The scalars' file, within the work dir.
        every: Print every so many epochs; the first and the last are always printed, and the file gets
            them all.
        iter_interval: Also write a line of the file every so many iterations; 0 writes epochs only.
        heartbeat: Seconds after which an epoch that is still running prints a line of its own.
    """

    priority = 'BELOW_NORMAL'

    def __init__(
        self,
        filename: str = 'scalars.jsonl',
        every: int = 1,
        iter_interval: int = 0,
        heartbeat: float = 30.0,
    ) -> None:
        if every < 1 or iter_interval < 0 or heartbeat <= 0:
            raise ValueError(
                'every must be >= 1, iter_interval >= 0 and heartbeat > 0, '
                f'got {every}, {iter_interval} and {heartbeat}'
            )
        self.filename, self.every, self.iter_interval = filename, every, iter_interval
        self.seconds = heartbeat
        self._log: ScalarLog | None = None
        self._outputs: dict[str, None] = {}
        self._spent: list[float] = []

    def before_run(self, runner: Runner) -> None:
        """Open the file."""
        self._log = ScalarLog(Path(runner.work_dir) / self.filename) if is_main_process() else None

    def before_train(self, runner: Runner) -> None:
        """Cut the file back to the iteration that training starts from."""
        self._spent = []
        if self._log is not None:
            self._log.cut(runner.iter)

    def before_train_epoch(self, runner: Runner) -> None:
        """Start the clock."""
        self._start, self._heartbeat = time.monotonic(), Heartbeat(self.seconds)
        self._loss: Tensor | float = 0.0

    def after_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: Any = None, outputs: Any = None
    ) -> None:
        """Note which numbers the model gives, and speak up in a long epoch."""
        # The message hub may lag some steps behind, see `skelreg.compat.runtime_info`.
        outputs = {name: torch.as_tensor(value).detach() for name, value in (outputs or {}).items()}
        self._outputs.update(dict.fromkeys(outputs))
        self._loss = self._loss + outputs.get('loss', math.nan)
        if self.iter_interval and (runner.iter + 1) % self.iter_interval == 0:
            own = {name: float(value) for name, value in outputs.items()}
            numbers = _over_ranks({**self._numbers(runner, 1), **own})
            self._append(runner, 'train', runner.epoch + 1, runner.iter + 1, numbers)
        batches = len(runner.train_loop.dataloader)
        if batch_idx + 1 < batches and self._heartbeat.due():
            loss = float(self._loss) / (batch_idx + 1)
            say(f'epoch {_of(runner)}, batch {batch_idx + 1}/{batches}  loss {_show(loss)}')

    def after_train_epoch(self, runner: Runner) -> None:
        """Write the epoch's numbers and print its line."""
        seconds = time.monotonic() - self._start
        self._spent.append(seconds)
        numbers = _over_ranks(self._numbers(runner, len(runner.train_loop.dataloader)))
        self._append(runner, 'train', runner.epoch + 1, runner.iter, {**numbers, 'seconds': seconds})
        done, last = runner.epoch + 1, runner.max_epochs
        if done % self.every and done != last and len(self._spent) > 1:
            return
        shown = ['loss', *(name for name in self._outputs if name != 'loss'), 'lr']
        values = '  '.join(f'{name} {_show(numbers[name])}' for name in shown if name in numbers)
        remaining = duration(sum(self._spent) / len(self._spent) * (last - done))
        say(f'epoch {_of(runner)}  {values}  {duration(seconds)}/epoch  eta {remaining}')

    def after_val_epoch(self, runner: Runner, metrics: Mapping[str, float] | None = None) -> None:
        """Write and print the validation's figures."""
        self._report(runner, 'val', metrics or {})

    def after_test_epoch(self, runner: Runner, metrics: Mapping[str, float] | None = None) -> None:
        """Write and print the test's figures."""
        self._report(runner, 'test', metrics or {})

    def _report(self, runner: Runner, mode: str, metrics: Mapping[str, Any]) -> None:
        trains = runner._train_loop is not None and not isinstance(runner._train_loop, dict)
        epoch, iteration = (runner.epoch, runner.iter) if trains else (0, 0)
        numbers = {name: float(value) for name, value in metrics.items() if isinstance(value, (int, float))}
        self._append(runner, mode, epoch, iteration, numbers)
        say(f'{mode}  ' + '  '.join(f'{name} {_show(value)}' for name, value in numbers.items()))

    def _append(
        self, runner: Runner, mode: str, epoch: int, iteration: int, numbers: Mapping[str, float]
    ) -> None:
        if self._log is not None:
            self._log.append(mode, epoch, iteration, numbers)

    def _numbers(self, runner: Runner, window: int) -> dict[str, float]:
        """The model's outputs as means over the latest `window` iterations, all else as it stands."""
        scalars = runner.message_hub.log_scalars
        numbers = {}
        for name in (name for name in scalars if name.startswith('train/')):
            short, buffer = name.removeprefix('train/'), scalars[name]
            numbers[short] = float(buffer.mean(window) if short in self._outputs else buffer.current())
        return numbers


def _over_ranks(numbers: Mapping[str, float]) -> dict[str, float]:
    """Means over the ranks that have a number: each sees its own part of the batch."""
    by_rank = all_gather_object(dict(numbers))
    names = dict.fromkeys(name for own in by_rank for name in own)
    return {name: fmean(own[name] for own in by_rank if name in own) for name in names}


def _of(runner: Runner) -> str:
    last = str(runner.max_epochs)
    return f'{runner.epoch + 1:>{len(last)}}/{last}'


def _show(value: float) -> str:
    """Four significant digits."""
    return f'{value:.4g}'
