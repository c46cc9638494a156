"""What a training run is made of: what a checkpoint keeps of it, and how it is put back."""

from __future__ import annotations

import hashlib
import inspect
import time
from collections.abc import Mapping
from difflib import ndiff
from pathlib import Path
from typing import Any

import mmengine
import torch
from mmengine.model import is_model_wrapper
from mmengine.optim import OptimWrapperDict
from mmengine.runner import EpochBasedTrainLoop, Runner
from torch import Tensor, nn

from .. import __version__
from ..errors import CheckpointError
from .plain import differences, message_hub_to_plain, restore_message_hub
from .schedulers import flat, resume_schedulers, running_state, scheduled_values


def bare_model(runner: Runner) -> nn.Module:
    """The model without its wrapper for several processes."""
    model: nn.Module = runner.model.module if is_model_wrapper(runner.model) else runner.model
    return model


def run_state(
    runner: Runner,
    meta: Mapping[str, Any],
    *,
    by_epoch: bool,
    optimizer: bool = True,
    schedulers: bool = True,
) -> dict[str, Any]:
    """Everything that continuing the run needs, for `save_file`.

    Args:
        runner: In the middle of a training.
        meta: More to record, and what overrides the usual entries.
        by_epoch: Whether this is the end of an epoch; the counters have not moved on yet.
        optimizer: Keep the optimizer's state.
        schedulers: Keep the schedulers' state.
    """
    state: dict[str, Any] = {
        'meta': {**_meta(runner, by_epoch), **meta},
        'state_dict': bare_model(runner).state_dict(),
        'message_hub': message_hub_to_plain(runner.message_hub),
    }
    if optimizer:
        state['optimizer'] = runner.optim_wrapper.state_dict()
    if schedulers:
        state['param_schedulers'] = running_state(runner.param_schedulers)
    return state


def _meta(runner: Runner, by_epoch: bool) -> dict[str, Any]:
    return {
        'epoch': runner.epoch + (1 if by_epoch else 0),
        'iter': runner.iter + (0 if by_epoch else 1),
        'seed': runner.seed,
        'world_size': runner.world_size,
        **_data(runner),
        'optimizer': _optimizer_names(runner),
        'skelreg_version': __version__,
        'mmengine_version': mmengine.__version__,
        'torch_version': str(torch.__version__),
        'time': time.strftime('%Y-%m-%d %H:%M:%S'),
    }


def _data(runner: Runner) -> dict[str, Any]:
    dataset = runner.train_dataloader.dataset
    layout, labels = (getattr(dataset, name, None) for name in ('layout', 'labels'))
    return {
        'layout': getattr(layout, 'name', layout),
        'dataset_meta': getattr(dataset, 'metainfo', None),
        # A file of predicted labels can be written anew under its name, which no config would tell.
        'train_labels': _digest(labels) if isinstance(labels, Tensor) else None,
    }


def _digest(labels: Tensor) -> str:
    return hashlib.sha256(labels.numpy().tobytes()).hexdigest()[:16]


def _wrappers(runner: Runner) -> dict[str, Any]:
    """The runner's optimizer wrapper under '', or several under their names."""
    wrapper = runner.optim_wrapper
    return dict(wrapper.items()) if isinstance(wrapper, OptimWrapperDict) else {'': wrapper}


def _optimizer_names(runner: Runner) -> dict[str, str]:
    return {name: type(wrapper.optimizer).__name__ for name, wrapper in _wrappers(runner).items()}


def check_same_run(
    runner: Runner, meta: Mapping[str, Any], path: Path, facts: Mapping[str, Any], config_text: str
) -> None:
    """Refuse a checkpoint whose run cannot be continued by this runner, and tell of a changed config.

    Args:
        runner: About to resume.
        meta: Of the checkpoint.
        path: The checkpoint.
        facts: What this runner records in checkpoints besides.
        config_text: Of this runner.
    Raises:
        CheckpointError: If it does not say how far it got, had another seed, or learnt from other data or
            labels, in another stream, with another encoder or from other pretrained weights.
    """
    lacking = [key for key in ('epoch', 'iter') if not isinstance(meta.get(key), int)]
    if lacking:
        raise CheckpointError(
            'the checkpoint does not say how far it got', got=f'no {", ".join(lacking)}', where=str(path)
        )
    if meta.get('seed', runner.seed) != runner.seed:
        raise CheckpointError(
            'the run to resume had another seed', got=f'seed {runner.seed} in the config',
            accepted=f'seed {meta["seed"]}', where=str(path),
            fix=f'add --cfg-options randomness.seed={meta["seed"]}, or start without --resume',
        )
    changes = [
        f'{key}: {then!r} then, {here!r} now'
        for key, then, here in differences(meta, {**_data(runner), **facts})
    ]
    if changes:
        raise CheckpointError(
            'the run to resume was another one', got='; '.join(changes[:5]), where=str(path),
            fix='give this run a --work-dir of its own, or start without --resume to replace the other',
        )
    lines = ndiff(str(meta.get('config_text', config_text)).splitlines(), config_text.splitlines())
    if changed := [' '.join(line.split()) for line in lines if line[0] in '+-']:
        runner.logger.warning(
            'the config is not that with which the run began (-); it goes on as the config is now (+): '
            + '  '.join(changed[:6]) + (' ...' if len(changed) > 6 else '')
        )
    if meta.get('world_size', runner.world_size) != runner.world_size:
        runner.logger.warning(
            f'the run had {meta["world_size"]} process(es), now there are {runner.world_size}: '
            'it continues, but not bit for bit'
        )


def restore_progress(
    runner: Runner, checkpoint: Mapping[str, Any], *, optimizer: bool = True, schedulers: bool = True
) -> None:
    """Put back counters, log history, optimizer and schedules; the weights are loaded apart.

    Of the optimizer that is what it has gathered; its options are those of the config.

    Raises:
        CheckpointError: If the checkpoint is of another optimizer, or of other groups of parameters.
    """
    meta, loop = checkpoint['meta'], runner.train_loop
    loop._epoch, loop._iter = meta['epoch'], meta['iter']
    restore_message_hub(runner.message_hub, checkpoint.get('message_hub', {}))
    runner.optim_wrapper = runner.build_optim_wrapper(runner.optim_wrapper)
    if runner.param_schedulers is not None:
        runner.param_schedulers = runner.build_param_scheduler(runner.param_schedulers)
    start = scheduled_values(runner.param_schedulers)
    if optimizer:
        _restore_optimizers(runner, checkpoint)
    if schedulers:
        resume_schedulers(
            runner.param_schedulers, start, checkpoint.get('param_schedulers', []),
            iterations=meta['iter'], epochs=meta['epoch'] if isinstance(loop, EpochBasedTrainLoop) else 0,
        )


def _restore_optimizers(runner: Runner, checkpoint: Mapping[str, Any]) -> None:
    fix = 'resume with the optimizer of the run, or start a new one from its weights with --pretrained'
    names = _optimizer_names(runner)
    saved = checkpoint['meta'].get('optimizer', names)
    if saved != names:
        raise CheckpointError(
            'the run to resume had another optimizer', got=_listed(names), accepted=_listed(saved),
            where='optim_wrapper', fix=fix,
        )
    scheduled = {scheduler.param_name for scheduler in flat(runner.param_schedulers)}
    options = {name: _options(wrapper, scheduled) for name, wrapper in _wrappers(runner).items()}
    try:
        runner.optim_wrapper.load_state_dict(checkpoint['optimizer'])
    except ValueError as error:
        raise CheckpointError(
            'the optimizer of the run to resume had other groups of parameters', got=str(error),
            where='optim_wrapper', fix=fix,
        ) from error
    for name, wrapper in _wrappers(runner).items():
        for group, chosen in zip(wrapper.param_groups, options[name], strict=True):
            group.update(chosen)


def _options(wrapper: Any, scheduled: set[str]) -> list[dict[str, Any]]:
    """What the config says of every parameter group; some optimizers keep a running state beside it."""
    named = inspect.signature(type(wrapper.optimizer)).parameters.keys() - {'params', *scheduled}
    return [{key: value for key, value in group.items() if key in named} for group in wrapper.param_groups]


def _listed(optimizers: Mapping[str, str]) -> str:
    return ', '.join(f'{name} {kind}'.strip() for name, kind in optimizers.items())
