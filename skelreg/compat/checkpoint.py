"""Durable checkpoints: a kill at any moment leaves at least one whole checkpoint, and resuming finds it."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mmengine.dist import is_main_process
from mmengine.hooks import Hook
from mmengine.runner import IterBasedTrainLoop, Runner

from ..errors import CheckpointError, ConfigError
from ..registry import HOOKS
from .files import load_file, save_text

LAST = 'last_checkpoint'
_NAME = re.compile(r'(?:epoch|iter)_(\d+)\.pth')
_TRAINING_STATE = ('meta', 'state_dict', 'optimizer')

_logger = logging.getLogger('skelreg')


@HOOKS.register_module()
class DurableCheckpointHook(Hook):
    """Saves the training state: first the new file, then the pointer to it, then it deletes the oldest.

    Args:
        interval: Save every so many epochs (or iterations); -1 saves at the end only.
        by_epoch: Count epochs; False counts iterations and needs an iteration-based loop.
        max_keep_ckpts: How many checkpoints stay; -1 keeps all.
        save_last: Also save at the end of the training.
    """

    priority = 'VERY_LOW'

    def __init__(
        self, interval: int = 1, by_epoch: bool = True, max_keep_ckpts: int = -1, save_last: bool = True
    ) -> None:
        for name, value in (('interval', interval), ('max_keep_ckpts', max_keep_ckpts)):
            if value == 0 or value < -1:
                raise ValueError(f'{name} must be -1 or at least 1, got {value}')
        self.interval, self.by_epoch = interval, by_epoch
        self.max_keep_ckpts, self.save_last = max_keep_ckpts, save_last

    def before_train(self, runner: Runner) -> None:
        """Refuse what could not be resumed exactly, and name what an earlier run left behind."""
        if not self.by_epoch and not isinstance(runner.train_loop, IterBasedTrainLoop):
            raise ConfigError(
                'a checkpoint inside an epoch cannot be resumed exactly',
                got='by_epoch=False with an epoch-based loop', where='default_hooks.checkpoint',
                fix='set by_epoch=True, or by_epoch=False in train_cfg as well',
            )
        left = list(_by_age(Path(runner.work_dir)))
        if left and runner.iter == 0 and is_main_process():
            runner.logger.warning(
                '%s holds %d checkpoint(s) of an earlier run, which this run replaces as it goes; '
                'continue that run with --resume instead, or choose another --work-dir',
                runner.work_dir, len(left),
            )

    def after_train_epoch(self, runner: Runner) -> None:
        """Save at the end of an epoch."""
        last = self.save_last and self.is_last_train_epoch(runner)
        if self.by_epoch and (last or self.every_n_epochs(runner, self.interval)):
            self._save(runner, f'epoch_{runner.epoch + 1}.pth')

    def after_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: Any = None, outputs: Any = None
    ) -> None:
        """Save at the end of an iteration."""
        last = self.save_last and self.is_last_train_iter(runner)
        if not self.by_epoch and (last or self.every_n_train_iters(runner, self.interval)):
            self._save(runner, f'iter_{runner.iter + 1}.pth')

    def _save(self, runner: Runner, name: str) -> None:
        folder = Path(runner.work_dir)
        runner.save_checkpoint(str(folder), name, by_epoch=self.by_epoch)
        if not is_main_process():
            return
        save_text(name, folder / LAST)
        if self.max_keep_ckpts > 0:
            self._delete_old(folder, name)

    def _delete_old(self, folder: Path, newest: str) -> None:
        """Delete this run's oldest files; the folder is the record, so that a kill loses no count."""
        kind, step = newest.split('_')[0], _step(newest)
        own = [p for p in folder.glob(f'{kind}_*.pth') if 0 <= _step(p.name) <= step]
        for path in sorted(own, key=lambda p: _step(p.name))[: -self.max_keep_ckpts]:
            path.unlink(missing_ok=True)


def newest_whole(folder: str | Path) -> tuple[Path, dict[str, Any]] | None:
    """The newest checkpoint in a work directory that can be resumed from, and its content.

    A damaged file is passed over with a warning, whatever `last_checkpoint` says.

    Raises:
        CheckpointError: If there are checkpoints, but not one of them is whole.
    """
    reasons = []
    for path in _by_age(Path(folder)):
        try:
            content = load_file(path)
            _check_training_state(content, path)
            return path, content
        except CheckpointError as error:
            reasons.append(str(error))
            _logger.warning('passed over while looking for a checkpoint to resume from: %s', error)
    if reasons:
        raise CheckpointError(
            'no checkpoint here can be resumed from', got='\n'.join(reasons), where=str(folder),
            fix='start again in another --work-dir, or restore one of the files',
        )
    return None


def _check_training_state(content: dict[str, Any], path: Path) -> None:
    lacking = [key for key in _TRAINING_STATE if key not in content]
    if lacking:
        raise CheckpointError(
            'this file holds weights but no training state', got=f'lacks {", ".join(lacking)}',
            where=str(path), fix='start a new run from its weights with --pretrained',
        )


def load_training_state(path: str | Path) -> dict[str, Any]:
    """`load_file` for resuming: the file must hold a training's whole state.

    Raises:
        CheckpointError: As `load_file`, or if it holds weights only.
    """
    content = load_file(path)
    _check_training_state(content, Path(path))
    return content


def latest_checkpoint(folder: str | Path) -> Path | None:
    """The newest whole checkpoint of a finished or interrupted run, None if there is none."""
    found = newest_whole(folder)
    return None if found is None else found[0]


def _by_age(folder: Path) -> Iterator[Path]:
    """Checkpoints of a folder, newest first: by time, and by step where the clock is too coarse."""
    paths = {path for path in folder.glob('*.pth') if _NAME.fullmatch(path.name)}
    pointer = folder / LAST
    if pointer.is_file():
        named = folder / pointer.read_text(encoding='utf-8', errors='replace').strip()
        if named.is_file():
            paths.add(named)
    yield from sorted(paths, key=lambda p: (p.stat().st_mtime_ns, _step(p.name)), reverse=True)


def _step(name: str) -> int:
    match = _NAME.fullmatch(name)
    return int(match[1]) if match else -1
