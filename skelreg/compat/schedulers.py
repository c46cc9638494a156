"""Schedules follow the config, also when a run is resumed with another config.

MMEngine restores a scheduler's milestones, end and period from the checkpoint, so that a run that is
extended keeps the end of the shorter one. Here only the number of steps comes from the checkpoint;
the values are worked out anew by taking these steps again.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mmengine.optim import _ParamScheduler

#: All that a scheduler remembers, as opposed to what its config says.
_RUNNING_STATE = ('last_step', '_global_step', '_last_value', 'best', 'num_bad_epochs', 'cooldown_counter')

Schedulers = list[_ParamScheduler] | dict[str, list[_ParamScheduler]] | None
GroupValues = list[list[dict[str, float]]]


def flat(schedulers: Schedulers) -> list[_ParamScheduler]:
    """All schedulers of a runner, whether it has one optimizer or several."""
    if isinstance(schedulers, dict):
        return [scheduler for group in schedulers.values() for scheduler in group]
    return list(schedulers or ())


def running_state(schedulers: Schedulers) -> list[dict[str, Any]]:
    """What a checkpoint keeps of every scheduler."""
    return [{k: v for k, v in vars(s).items() if k in _RUNNING_STATE} for s in flat(schedulers)]


def scheduled_values(schedulers: Schedulers) -> GroupValues:
    """Per scheduler and parameter group, the scheduled value and the one it started from."""
    names = [(s, (s.param_name, f'initial_{s.param_name}')) for s in flat(schedulers)]
    return [[{key: group[key] for key in keys} for group in s.optimizer.param_groups] for s, keys in names]


def resume_schedulers(
    schedulers: Schedulers,
    start: GroupValues,
    saved: list[Mapping[str, Any]],
    *,
    iterations: int,
    epochs: int,
) -> None:
    """Bring freshly built schedulers, and the values they govern, to where a run stands.

    Args:
        schedulers: As the config describes them, not yet stepped.
        start: `scheduled_values` before the optimizer's state was loaded.
        saved: `running_state` from the checkpoint; read only by schedulers that react to a metric,
            which cannot take their steps again.
        iterations: Training iterations done.
        epochs: Epochs done; 0 in an iteration-based loop, which steps nothing by epoch.
    """
    every = flat(schedulers)
    if any(getattr(s, 'need_val_args', False) for s in every):
        for scheduler, state in zip(every, saved, strict=False):
            scheduler.load_state_dict(dict(state))
        return
    for scheduler, values in zip(every, start, strict=True):
        for group, value in zip(scheduler.optimizer.param_groups, values, strict=True):
            group.update(value)
        scheduler.optimizer._global_step = iterations  # else it warns of a step before the optimizer's first
    per_epoch = iterations // epochs if epochs else 0
    for _ in range(epochs):
        _take_steps(every, by_epoch=False, count=per_epoch)
        _take_steps(every, by_epoch=True, count=1)
    _take_steps(every, by_epoch=False, count=iterations - epochs * per_epoch)


def _take_steps(schedulers: list[_ParamScheduler], *, by_epoch: bool, count: int) -> None:
    chosen = [s for s in schedulers if s.by_epoch == by_epoch]
    for _ in range(count if chosen else 0):
        for scheduler in chosen:
            scheduler.step()
