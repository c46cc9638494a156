"""The base actions of the synthetic people, and the postures in which arm actions can be performed."""

from __future__ import annotations

from .actions import Pose, alone, arm, arms, head, leg, legs, move, together, trunk, turned

_GUARD = arms((35, 10, -15), 120)
_SEATED = legs(85, 85, 8)
_KICK = ({**leg(-22, 55), **trunk(8)}, {**leg(78, 8), **trunk(-10)})
_SHAKE = (arm((45, -5, -8), 50), arm((35, -5, -8), 32))
_SLAP = ({**arm((80, 75, 0), 45), **trunk(twist=-20)}, {**arm((80, -35, 0), 30), **trunk(twist=22)})
_HIGH_FIVE = (arm((150, 25, 0), 60), arm((118, 0, 0), 20))
_HUG = {**arms((72, -8, -30), 55), **trunk(10), **move(ahead=0.12)}
_SHOVED = {**legs(0, 12, -18), **move(ahead=-0.3), **arms((35, 20, 0), 30)}
_SLAPPED = {**trunk(15, 60, 30), **head(20, 60, 40)}
_LEFT_STEP = {**leg(50, 65, 'left'), **leg(0, 0), **arm((30, 0, 0), 30), **arm((-20, 0, 0), 20, 'left')}
_RIGHT_STEP = {**leg(50, 65), **leg(0, 0, 'left'), **arm((30, 0, 0), 30, 'left'), **arm((-20, 0, 0), 20)}
_CROUCH = {**legs(45, 70, 25), **arms((-35, 0, 0), 15)}
_LEAP = {**legs(0, 0), **arms((110, 10, 0), 15), **move(0.3)}
_STAR = {**arms((155, 88, 0), 8), **legs(22, 0, plane=88), **move(0.08)}
_ON_LEFT = leg(35, 90, 'left')
_NEARER, _NEAR, _MET = move(ahead=0.4), move(ahead=0.75), move(ahead=0.85)

POSTURES: dict[str, Pose] = {
    'seated': _SEATED,
    'squatting': legs(80, 120, 28),
    'on one leg': leg(60, 100, 'left'),
    'bent forward': legs(0, 8, 50),
}

# In the order in which they become classes: the first twelve are the default dataset.
BASE = (
    alone('wave', arm((85, 80, 80), 60), arm((85, 80, 80), 120), repeats=(2, 4), beat=8, arms=1),
    alone('clap', arms((50, 35, -10), 55), arms((48, 0, -42), 68), repeats=(2, 5), beat=7, arms=2),
    alone('kick', *_KICK, repeats=(1, 2), beat=11),
    together('shake hands', _SHAKE, _SHAKE, repeats=(2, 4), beat=8, gap=0.95),
    alone(
        'drink', arm((45, 0, -38), 128), {**arm((62, 5, -40), 138), **head(-14)},
        repeats=(1, 2), beat=15, arms=1,
    ),
    alone('squat', {**legs(85, 115, 28), **arms((70, 5, 0), 15)}, {}, repeats=(1, 3), beat=14),
    together('push', (_GUARD, {**arms((85, 0, 0), 8), **trunk(14)}), ({}, _SHOVED), beat=11, gap=0.85),
    alone(
        'throw',
        {**arm((115, 75, 70), 100), **trunk(-5, 0, -25)}, {**arm((75, 0, -10), 8), **trunk(12, 0, 22)},
        repeats=(1, 2), beat=10, arms=1,
    ),
    alone('phone call', arm((42, 50, 35), 142), arm((46, 50, 35), 146), repeats=(2, 3), beat=16, arms=1),
    alone('walk on the spot', _LEFT_STEP, _RIGHT_STEP, repeats=(2, 4), beat=10),
    together('slap', _SLAP, ({}, _SLAPPED), beat=8, gap=0.8),
    alone(
        'punch', _GUARD, {**_GUARD, **arm((86, -8, 0), 5), **trunk(6, 0, 24)},
        repeats=(2, 4), beat=7, arms=2,
    ),
    alone('raise both arms', arms((168, 50, 0), 8), arms((90, 60, 0), 8), repeats=(1, 2), beat=13, arms=2),
    together('hug', (_HUG, _HUG), (_HUG, _HUG), beat=15, gap=0.65),
    alone('bow', legs(0, 5, 65), {}, repeats=(1, 2), beat=16),
    alone('jump', _CROUCH, _LEAP, repeats=(1, 3), beat=9),
    alone('sit down', legs(60, 80, 35), _SEATED, _SEATED, beat=14, stays=True),
    alone(
        'turn around', {**leg(30, 40), **turned(60)}, {**leg(30, 40, 'left'), **turned(120)}, turned(180),
        beat=11, stays=True,
    ),
    together('high five', _HIGH_FIVE, _HIGH_FIVE, beat=9, gap=0.95),
    alone(
        'side bend',
        {**trunk(28, 90), **arm((165, 85, 0), 20)}, {**trunk(28, -90), **arm((165, 85, 0), 20, 'left')},
        repeats=(1, 2), beat=15,
    ),
    alone('jumping jack', _STAR, {}, repeats=(2, 4), beat=9),
    together('kick the other', _KICK, ({}, _SHOVED), beat=11, gap=0.95),
    alone('point ahead', arm((88, -4, 0), 4), arm((88, -4, 0), 4), beat=15, arms=1),
    alone('shake the head', head(twist=48), head(twist=-48), repeats=(2, 4), beat=7),
    alone('lunge', {**leg(62, 75), **leg(-28, 30, 'left')}, {}, repeats=(1, 3), beat=14),
    alone('look at the watch', *[{**arm((58, 0, -62), 92, 'left'), **head(24, 0, 10)}] * 2, beat=15),
    together(
        'walk towards each other',
        (_LEFT_STEP, {**_RIGHT_STEP, **_NEARER}, {**_LEFT_STEP, **_NEAR}, _MET),
        (_RIGHT_STEP, {**_LEFT_STEP, **_NEARER}, {**_RIGHT_STEP, **_NEAR}, _MET),
        beat=12, gap=2.6, stays=True,
    ),
    alone(
        'hop on one leg', {**_ON_LEFT, **leg(25, 45)}, {**_ON_LEFT, **leg(0, 0), **move(0.14)},
        repeats=(3, 5), beat=6,
    ),
)
