"""Learning rates of HiCLR's release as functions of the epoch."""

from __future__ import annotations

from collections.abc import Sequence


def step_rate(epoch: int, base: float, steps: Sequence[int], gamma: float = 0.1) -> float:
    """The rate in an epoch, counted from 1, that falls by ``gamma`` after each step epoch.

    The step epochs themselves still run at the old rate: HiCLR's rule for pretraining and linear
    evaluation.
    """
    return base * gamma ** sum(epoch > step for step in steps)


def warmup_step_rate(
    epoch: int, base: float, steps: Sequence[int], warmup: int, gamma: float = 0.1
) -> float:
    """The rate in an epoch, counted from 1, that rises to epoch ``warmup`` and later falls in steps.

    Each step epoch already runs at the new rate, one epoch earlier than in `step_rate`: HiCLR's
    rule for fine-tuning.
    """
    if epoch < warmup:
        return base * epoch / warmup
    return base * gamma ** sum(epoch >= step for step in steps)
