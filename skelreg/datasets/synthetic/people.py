"""How people differ: proportions, tempo, habits, handedness, and how they stand when idle."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .actions import Pose, arm, arms
from .rig import FLIP, JOINTS, OFFSETS, ROWS, Array

_ARM = ('elbow', 'wrist', 'hand', 'thumb')
_LEG = ('knee', 'ankle', 'foot')

# Arms on the hips, folded, behind the back, before the body, one forearm raised; otherwise they hang.
_STANCES: tuple[Pose, ...] = (
    arms((38, 75, -40), 85),
    arms((39, 0, -60), 96),
    arms((-18, 10, -30), 40),
    arms((20, 10, -40), 35),
    arm((15, 0, -20), 100, 'left'),
)
_HANGING_ODDS = 0.4
_LEFT_HANDED_ODDS = 0.3


@dataclass(frozen=True)
class Performer:
    """What stays with a person from one performance to the next.

    Attributes:
        offsets: Bone offsets in metres, (R, 3).
        habit: Angles in degrees that the person adds to every stance, (R + 1, 3); the last row is zero.
        amplitude: Factor on how far poses leave the stance.
        tempo: Factor on durations.
        left_handed: Whether actions are mirrored.
    """

    offsets: Array
    habit: Array
    amplitude: float
    tempo: float
    left_handed: bool


def draw_performer(rng: np.random.Generator) -> Performer:
    """Somebody, from the seed."""
    return Performer(
        offsets=OFFSETS * _proportions(rng),
        habit=_habit(rng),
        amplitude=float(np.clip(rng.normal(0.97, 0.1), 0.75, 1.2)),
        tempo=float(np.exp(rng.normal(0.0, 0.2))),
        left_handed=bool(rng.random() < _LEFT_HANDED_ODDS),
    )


def stance(who: Performer, posture: Pose, rng: np.random.Generator) -> Array:
    """Angles in degrees of a person who stands, or holds a posture, and does nothing. Shape: (R + 1, 3)."""
    angles = who.habit.copy()
    drawn = int(rng.integers(len(_STANCES)))
    habitual = {} if rng.random() < _HANGING_ODDS else _STANCES[drawn]
    for name, values in (*habitual.items(), *posture.items()):
        angles[ROWS[name]] += values
    for side in ('left', 'right'):
        angles[ROWS[f'{side}_shoulder']] += (abs(rng.normal(6.0, 4.0)), rng.uniform(30.0, 90.0), 0.0)
        angles[ROWS[f'{side}_elbow']] += (abs(rng.normal(12.0, 8.0)), 0.0, 0.0)
        if f'{side}_hip' not in posture:
            angles[ROWS[f'{side}_hip']] += (abs(rng.normal(6.0, 4.0)), rng.uniform(20.0, 110.0), 0.0)
    return angles


def _proportions(rng: np.random.Generator) -> Array:
    """Factors on the rig's offsets: height, then trunk, arms, legs and breadth. Shape: (R, 3)."""
    height = np.clip(rng.normal(1.0, 0.08), 0.8, 1.2)
    trunk, of_arms, of_legs, breadth = np.clip(rng.normal(1.0, 0.07, 4), 0.8, 1.2)
    length = [of_arms if _is_of(name, _ARM) else of_legs if _is_of(name, _LEG) else trunk for name in JOINTS]
    factors = height * np.repeat(np.array(length)[:, None], 3, axis=1)
    factors[:, 0] *= breadth
    return factors.astype(np.float32)


def _habit(rng: np.random.Generator) -> Array:
    """Mostly symmetrical; the pelvis stays upright. Shape: (R + 1, 3)."""
    habit = np.zeros((len(JOINTS) + 1, 3), dtype=np.float32)
    noise = rng.normal(0.0, 4.0, (len(JOINTS), 3))
    habit[:-1] = (noise + noise[FLIP]) / 2 + rng.normal(0.0, 1.5, noise.shape)
    habit[0] = 0.0
    return habit


def _is_of(name: str, kinds: tuple[str, ...]) -> bool:
    return any(kind in name for kind in kinds)
