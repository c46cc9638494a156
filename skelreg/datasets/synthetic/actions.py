"""What the synthetic people do: a table of base actions and the rules that make more classes from them.

A pose names only the joints that matter; the others keep the performer's stance. It is written for a
right-handed person, angles (bend, plane, twist) in degrees as in ``rig``; ``move`` is (up, ahead, left)
in metres.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from ...errors import ConfigError

Pose = Mapping[str, tuple[float, float, float]]


@dataclass(frozen=True)
class Phase:
    """Poses that are gone through ``repeats`` times.

    Attributes:
        poses: The poses of the first person, in order.
        partner: Those of the second person at the same moments; as many, or none without a second person.
        repeats: Least and greatest number of rounds.
    """

    poses: tuple[Pose, ...]
    partner: tuple[Pose, ...] = ()
    repeats: tuple[int, int] = (1, 1)


@dataclass(frozen=True)
class Action:
    """One class.

    Attributes:
        name: Class name.
        phases: What happens, in order; between phases the performer passes through the stance.
        beat: Mean frames from one pose to the next, at 30 frames per second.
        arms: How many arms the action needs if it needs nothing else, otherwise 0.
        gap: Metres between two persons who face each other.
        stays: Whether the last pose is kept to the end.
        posture: What the performer does all the time below or beside the action.
    """

    name: str
    phases: tuple[Phase, ...]
    beat: float = 11.0
    arms: int = 0
    gap: float = 0.0
    stays: bool = False
    posture: Pose = field(default_factory=dict)

    @property
    def bodies(self) -> int:
        """How many persons it takes."""
        return 2 if any(phase.partner for phase in self.phases) else 1


def catalogue(num_classes: int, max_bodies: int = 2) -> tuple[Action, ...]:
    """The first ``num_classes`` actions that at most ``max_bodies`` persons can perform.

    Base actions come first, then arm actions with both arms, then arm actions in other postures, then one
    action after another. The list for fewer classes is the beginning of the list for more.

    Raises:
        ConfigError: If there are not that many.
    """
    actions = tuple(itertools.islice(_all_actions(max_bodies), num_classes))
    if num_classes < 1 or len(actions) < num_classes:
        raise ConfigError(
            'the synthetic catalogue does not hold that many classes',
            got=num_classes, accepted=f'1 to {len(tuple(_all_actions(max_bodies)))}', where='num_classes',
        )
    return actions


def _all_actions(max_bodies: int) -> Iterator[Action]:
    base = [action for action in _BASE if action.bodies <= max_bodies]
    alone = [action for action in base if action.bodies == 1]
    yield from base
    both = [_with_both_arms(action) for action in alone if action.arms == 1]
    yield from both
    for (name, posture), action in itertools.product(_POSTURES.items(), [a for a in alone if a.arms] + both):
        yield replace(action, name=f'{action.name} {name}', posture=posture)
    for step in range(1, len(alone)):
        for index, first in enumerate(alone):
            second = alone[(index + step) % len(alone)]
            if not first.stays:
                yield replace(second, name=f'{first.name} then {second.name}', phases=first.phases + second.phases, arms=0)


def _with_both_arms(action: Action) -> Action:
    phases = tuple(replace(phase, poses=tuple(map(_both, phase.poses))) for phase in action.phases)
    return replace(action, name=f'{action.name} with both arms', phases=phases, arms=2)


def _both(pose: Pose) -> Pose:
    """The pose with the right limbs' angles given to the left ones too; the trunk does not turn."""
    right = {name: angles for name, angles in pose.items() if name.startswith('right_')}
    return right | {name.replace('right_', 'left_'): angles for name, angles in right.items()}


def _arm(shoulder: tuple[float, float, float], elbow: float, side: str = 'right') -> Pose:
    return {f'{side}_shoulder': shoulder, f'{side}_elbow': (elbow, 0.0, 0.0)}


def _arms(shoulder: tuple[float, float, float], elbow: float) -> Pose:
    return {**_arm(shoulder, elbow), **_arm(shoulder, elbow, 'left')}


def _leg(hip: float, knee: float, side: str = 'right', plane: float = 0.0) -> Pose:
    return {f'{side}_hip': (hip, plane, 0.0), f'{side}_knee': (knee, 0.0, 0.0)}


def _legs(hip: float, knee: float, lean: float = 0.0, plane: float = 0.0) -> Pose:
    """Both legs, with the trunk leaning ahead from the hips; ``hip`` is against the vertical."""
    pelvis = {'pelvis': (lean, 0.0, 0.0)}
    return {**pelvis, **_leg(hip + lean, knee, plane=plane), **_leg(hip + lean, knee, 'left', plane)}


def _trunk(bend: float = 0.0, plane: float = 0.0, twist: float = 0.0) -> Pose:
    return {'spine': (bend, plane, twist)}


def _move(up: float = 0.0, ahead: float = 0.0, left: float = 0.0) -> Pose:
    return {'move': (up, ahead, left)}


_GUARD = _arms((35, 10, -15), 120)
_STEP_LEFT = {**_leg(50, 65, 'left'), **_leg(0, 0), **_arm((30, 0, 0), 30), **_arm((-20, 0, 0), 20, 'left')}
_STEP_RIGHT = {**_leg(50, 65), **_leg(0, 0, 'left'), **_arm((30, 0, 0), 30, 'left'), **_arm((-20, 0, 0), 20)}
_SEATED = _legs(85, 85, 8)
_THROW = (
    {**_arm((115, 75, 70), 100), **_trunk(-5, 0, -25)},
    {**_arm((75, 0, -10), 8), **_trunk(12, 0, 22)},
)
_KICK = ({**_leg(-22, 55), **_trunk(8)}, {**_leg(78, 8), **_trunk(-10)})
_SHOVED = {**_legs(0, 12, -18), **_move(ahead=-0.3), **_arms((35, 20, 0), 30)}
_HUG = {**_arms((72, -8, -30), 55), **_trunk(10)}

_POSTURES: dict[str, Pose] = {
    'seated': _SEATED,
    'squatting': _legs(80, 120, 28),
    'on one leg': _leg(60, 100, 'left'),
    'bent forward': _legs(0, 8, 50),
}

_BASE = (
    Action('wave', (Phase((_arm((85, 80, 80), 60), _arm((85, 80, 80), 120)), repeats=(2, 4)),), 8, arms=1),
    Action('clap', (Phase((_arms((50, 35, -10), 55), _arms((48, 0, -42), 68)), repeats=(2, 5)),), 7, arms=2),
    Action('kick', (Phase(_KICK, repeats=(1, 2)),)),
    Action('shake hands', (
        Phase((_arm((45, -5, -8), 50), _arm((35, -5, -8), 32)), (_arm((45, -5, -8), 50), _arm((35, -5, -8), 32)), (2, 4)),
    ), 8, gap=0.95),
    Action('drink', (Phase((_arm((45, 0, -38), 128), {**_arm((62, 5, -40), 138), 'neck': (-14, 0, 0)}), repeats=(1, 2)),), 15, 1),
    Action('squat', (Phase(({**_legs(85, 115, 28), **_arms((70, 5, 0), 15)}, {}), repeats=(1, 3)),), 14),
    Action('push', (
        Phase((_arms((30, 10, 0), 120), {**_arms((85, 0, 0), 8), **_trunk(14)}), ({}, _SHOVED)),
    ), gap=0.85),
    Action('throw', (Phase(_THROW, repeats=(1, 2)),), 10, arms=1),
    Action('phone call', (Phase((_arm((42, 50, 35), 142), _arm((46, 50, 35), 146)), repeats=(2, 3)),), 16, arms=1),
    Action('walk on the spot', (Phase((_STEP_LEFT, _STEP_RIGHT), repeats=(2, 4)),), 10),
    Action('slap', (
        Phase(({**_arm((80, 75, 0), 45), **_trunk(0, 0, -20)}, {**_arm((80, -35, 0), 30), **_trunk(0, 0, 22)}), ({}, {**_trunk(15, 60, 30), 'neck': (20, 60, 40)})),
    ), 8, gap=0.8),
    Action('punch', (
        Phase((_GUARD, {**_GUARD, **_arm((86, -8, 0), 5), **_trunk(6, 0, 24)}), repeats=(2, 4)),
    ), 7, arms=2),
    Action('raise both arms', (Phase((_arms((168, 50, 0), 8), _arms((90, 60, 0), 8)), repeats=(1, 2)),), 13, arms=2),
    Action('hug', (
        Phase(({**_HUG, **_move(ahead=0.12)},) * 2, ({**_HUG, **_move(ahead=0.12)},) * 2),
    ), 15, gap=0.65),
    Action('bow', (Phase((_legs(0, 5, 65), {}), repeats=(1, 2)),), 16),
    Action('jump', (
        Phase(({**_legs(45, 70, 25), **_arms((-35, 0, 0), 15)}, {**_move(0.3), **_arms((110, 10, 0), 15), **_legs(0, 0)}), repeats=(1, 3)),
    ), 9),
    Action('sit down', (Phase((_legs(60, 80, 35), _SEATED, _SEATED)),), 14, stays=True),
    Action('turn around', (
        Phase((
            {**_leg(30, 40), 'pelvis': (0, 0, 60)}, {**_leg(30, 40, 'left'), 'pelvis': (0, 0, 120)}, {'pelvis': (0, 0, 180)},
        )),
    ), 11, stays=True),
    Action('high five', (Phase((_arm((150, 25, 0), 60), _arm((118, 0, 0), 20)), (_arm((150, 25, 0), 60), _arm((118, 0, 0), 20))),), 9, gap=0.95),
    Action('side bend', (
        Phase(({**_trunk(28, 90), **_arm((165, 85, 0), 20)}, {**_trunk(28, -90), **_arm((165, 85, 0), 20, 'left')}), repeats=(1, 2)),
    ), 15),
    Action('jumping jack', (
        Phase(({**_arms((155, 88, 0), 8), **_legs(22, 0, plane=88), **_move(0.08)}, {}), repeats=(2, 4)),
    ), 9),
    Action('kick the other', (Phase(_KICK, ({}, _SHOVED)),), gap=0.95),
    Action('point ahead', (Phase((_arm((88, -4, 0), 4),) * 2),), 15, arms=1),
    Action('shake the head', (Phase(({'neck': (0, 0, 48)}, {'neck': (0, 0, -48)}), repeats=(2, 4)),), 7),
    Action('lunge', (Phase(({**_leg(62, 75), **_leg(-28, 30, 'left')}, {}), repeats=(1, 3)),), 14),
    Action('look at the watch', (
        Phase(({**_arm((58, 0, -62), 92, 'left'), 'neck': (24, 0, 10)},) * 2),
    ), 15),
    Action('walk towards each other', (
        Phase((
            _STEP_LEFT, {**_STEP_RIGHT, **_move(ahead=0.4)}, {**_STEP_LEFT, **_move(ahead=0.75)}, _move(ahead=0.85),
        ), (
            _STEP_RIGHT, {**_STEP_LEFT, **_move(ahead=0.4)}, {**_STEP_RIGHT, **_move(ahead=0.75)}, _move(ahead=0.85),
        )),
    ), 12, gap=2.6, stays=True),
    Action('hop on one leg', (
        Phase(({**_leg(35, 90, 'left'), **_leg(25, 45)}, {**_leg(35, 90, 'left'), **_leg(0, 0), **_move(0.14)}), repeats=(3, 5)),
    ), 6),
)
