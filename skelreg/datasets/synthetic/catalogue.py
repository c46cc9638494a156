"""Which classes a synthetic dataset has: the base actions, and the rules that make more of them."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import replace

from ...errors import ConfigError
from .actions import Action, Pose
from .repertoire import BASE, POSTURES


def catalogue(num_classes: int, max_bodies: int = 2) -> tuple[Action, ...]:
    """The first ``num_classes`` actions that at most ``max_bodies`` persons can perform.

    Base actions come first, then arm actions with both arms, then arm actions in other postures, then one
    action after another. The list for fewer classes is the beginning of the list for more.

    Raises:
        ConfigError: If there are not that many.
    """
    actions = tuple(itertools.islice(_all_actions(max_bodies), max(0, num_classes)))
    if not actions or len(actions) < num_classes:
        raise ConfigError(
            'the synthetic catalogue does not hold that many classes',
            got=num_classes, accepted=f'1 to {sum(1 for _ in _all_actions(max_bodies))}', where='num_classes',
        )
    return actions


def _all_actions(max_bodies: int) -> Iterator[Action]:
    base = [action for action in BASE if action.bodies <= max_bodies]
    alone = [action for action in base if action.bodies == 1]
    both = [_with_both_arms(action) for action in alone if action.arms == 1]
    yield from base
    yield from both
    of_arms = [action for action in alone if action.arms] + both
    for (name, posture), action in itertools.product(POSTURES.items(), of_arms):
        yield replace(action, name=f'{action.name} {name}', posture=posture)
    for step in range(1, len(alone)):
        for index, first in enumerate(alone):
            if not first.stays:
                yield _one_after_another(first, alone[(index + step) % len(alone)])


def _with_both_arms(action: Action) -> Action:
    phases = tuple(replace(phase, poses=tuple(map(_both_arms, phase.poses))) for phase in action.phases)
    return replace(action, name=f'{action.name} with both arms', phases=phases, arms=2)


def _both_arms(pose: Pose) -> Pose:
    """The pose with the right arm's angles given to the left one too; the trunk does not turn."""
    right = {name: angles for name, angles in pose.items() if name.startswith('right_')}
    return right | {name.replace('right_', 'left_'): angles for name, angles in right.items()}


def _one_after_another(first: Action, second: Action) -> Action:
    name = f'{first.name} then {second.name}'
    return replace(second, name=name, phases=first.phases + second.phases, arms=0)
