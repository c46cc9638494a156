"""MMEngine's bookkeeping of a run, without a wait for the device in every step."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from mmengine.hooks import RuntimeInfoHook
from mmengine.runner import Runner
from torch import Tensor

from ..registry import HOOKS
from .plain import message_hub_to_plain


@HOOKS.register_module()
class DeferredRuntimeInfoHook(RuntimeInfoHook):
    """As `RuntimeInfoHook`, but losses that lie on a GPU are read some steps at a time.

    MMEngine reads each number in the step that made it, and the host, which could be preparing the next
    step, waits for the device each time. The message hub gets every number all the same, in their order; a
    hook that looks there in between finds those up to the latest reading. On a CPU they are read at once.

    Args:
        interval: Read every so many iterations; after the last one of an epoch or of the run in any case.
    """

    def __init__(self, interval: int = 10) -> None:
        super().__init__()
        if interval < 1:
            raise ValueError(f'interval must be >= 1 iterations, got {interval}')
        self.interval = interval
        self._unread: list[Mapping[str, Any]] = []

    def after_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: Any = None, outputs: Any = None
    ) -> None:
        """Keep the step's outputs, and read all that are kept if it is time."""
        outputs = outputs or {}
        self._unread.append(outputs)
        is_time = (runner.iter + 1) % self.interval == 0
        is_last = batch_idx + 1 == len(runner.train_loop.dataloader) or self.is_last_train_iter(runner)
        if is_time or is_last or not any(_is_elsewhere(value) for value in outputs.values()):
            self._read(runner)

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict[str, Any]) -> None:
        """Bring the history of a checkpoint up to its step."""
        if self._unread:
            self._read(runner)
            checkpoint['message_hub'] = message_hub_to_plain(runner.message_hub)

    def _read(self, runner: Runner) -> None:
        """Bring the numbers over in one copy and hand them to the message hub."""
        elsewhere = [value for step in self._unread for value in step.values() if _is_elsewhere(value)]
        read: list[float] = []
        if elsewhere:
            read = torch.stack([value.detach().float().reshape(()) for value in elsewhere]).tolist()
        numbers = iter(read)
        for step in self._unread:
            for name, value in step.items():
                number = next(numbers) if _is_elsewhere(value) else value
                runner.message_hub.update_scalar(f'train/{name}', number)
        self._unread = []


def _is_elsewhere(value: Any) -> bool:
    """Whether reading a value makes the host wait."""
    return isinstance(value, Tensor) and not value.is_cpu
