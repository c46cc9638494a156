"""A run that is extended follows the schedule of its new config."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.compat import toy

SCHEDULES = {
    'milestone': lambda epochs: [dict(type='MultiStepLR', milestones=[3], end=epochs)],
    'cosine': lambda epochs: [dict(type='CosineAnnealingLR', T_max=epochs, end=epochs, eta_min=0.01)],
    'warm-up, then cosine by iteration': lambda epochs: [
        dict(type='LinearLR', start_factor=0.1, end=3, by_epoch=False),
        dict(type='CosineAnnealingLR', begin=3, T_max=4 * epochs - 3, end=4 * epochs, by_epoch=False),
    ],
    'by iteration and by epoch at once': lambda epochs: [
        dict(type='ExponentialLR', gamma=0.99, by_epoch=False), dict(type='StepLR', step_size=2, gamma=0.5)
    ],
}


def rates(work_dir: Path, epochs: int, schedule: Any, **options: Any) -> list[float]:
    training = toy.runner(work_dir, epochs=epochs, schedule=schedule(epochs), **options)
    training.train()
    return [float(x) for x in training.message_hub.get_scalar('train/lr').data[0]]


@pytest.mark.parametrize('name', SCHEDULES)
def test_an_extended_run_has_the_rates_of_the_longer_config(tmp_path: Path, name: str) -> None:
    whole = rates(tmp_path / 'whole', 4, SCHEDULES[name])
    first = rates(tmp_path / 'extended', 2, SCHEDULES[name])
    extended = rates(tmp_path / 'extended', 4, SCHEDULES[name], resume=True)
    assert extended == first + whole[8:]


def test_a_milestone_behind_the_first_end_fires(tmp_path: Path) -> None:
    rates(tmp_path, 2, SCHEDULES['milestone'])
    extended = rates(tmp_path, 4, SCHEDULES['milestone'], resume=True)
    assert extended == pytest.approx([0.1] * 12 + [0.01] * 4)
