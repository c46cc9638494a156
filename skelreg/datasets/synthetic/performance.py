"""How people differ and how an action unfolds in time: from an ``Action`` to joint angles per frame."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .actions import Action, Phase, Pose
from .rig import FEET, FLIP, JOINT_INDEX, JOINTS, OFFSETS, Array, forward_kinematics, mirrored

SHORTEST, LONGEST = 30, 150
TURN, BEATVAR, IDLE = 6.0, 0.35, 40.0

_MOVE = len(JOINTS)
_ROWS = {**JOINT_INDEX, 'move': _MOVE}
_STANCES: tuple[Pose, ...] = (
    {},
    {'left_shoulder': (38, 75, -40), 'left_elbow': (85, 0, 0), 'right_shoulder': (38, 75, -40), 'right_elbow': (85, 0, 0)},
    {'left_shoulder': (40, 0, -60), 'left_elbow': (95, 0, 0), 'right_shoulder': (38, 0, -60), 'right_elbow': (98, 0, 0)},
    {'left_shoulder': (-18, 10, -30), 'left_elbow': (40, 0, 0), 'right_shoulder': (-18, 10, -30), 'right_elbow': (40, 0, 0)},
    {'left_shoulder': (20, 10, -40), 'left_elbow': (35, 0, 0), 'right_shoulder': (20, 10, -40), 'right_elbow': (35, 0, 0)},
    {'left_shoulder': (15, 0, -20), 'left_elbow': (100, 0, 0)},
)


@dataclass(frozen=True)
class Performer:
    """What stays with a person from one performance to the next.

    Attributes:
        offsets: Bone offsets in metres, (R, 3).
        habit: Angles added to every pose, in degrees, (R + 1, 3).
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
    """A person: height, proportions, habits and handedness (one in five is left-handed here)."""
    height = np.clip(rng.normal(1.0, 0.08), 0.8, 1.2)
    trunk, arms, legs, breadth = np.clip(rng.normal(1.0, 0.07, 4), 0.8, 1.2)
    length = np.array([arms if _is(name, _ARM) else legs if _is(name, _LEG) else trunk for name in JOINTS])
    scale = height * np.stack([length, length, length], axis=1)
    scale[:, 0] *= breadth
    habit = np.zeros((len(JOINTS) + 1, 3))
    side = rng.normal(0.0, 4.0, (len(JOINTS), 3))
    habit[:_MOVE] = (side + side[FLIP]) / 2 + rng.normal(0.0, 1.5, (len(JOINTS), 3))
    habit[0] = 0.0
    return Performer(
        offsets=OFFSETS * scale,
        habit=habit,
        amplitude=float(np.clip(rng.normal(0.97, 0.1), 0.75, 1.2)),
        tempo=float(np.exp(rng.normal(0.0, 0.2))),
        left_handed=bool(rng.random() < 0.3),
    )


_ARM = ('elbow', 'wrist', 'hand', 'thumb')
_LEG = ('knee', 'ankle', 'foot')


def _is(name: str, kinds: tuple[str, ...]) -> bool:
    return any(kind in name for kind in kinds)


def perform(action: Action, performers: list[Performer], rng: np.random.Generator) -> Array:
    """Rig joints of all performers over time, each in their own body axes, feet on the floor.

    Shape:
        output: (B, T, R, 3) with SHORTEST <= T <= LONGEST.
    """
    rounds = [int(rng.integers(phase.repeats[0], phase.repeats[1] + 1)) for phase in action.phases]
    poses = [_script(action, rounds, partner) for partner in (False, True)[: len(performers)]]
    times = _times(len(poses[0]), action.beat * performers[0].tempo, rng)
    return np.stack([_act(action, script, times, who, rng) for script, who in zip(poses, performers, strict=True)])


def _script(action: Action, rounds: list[int], partner: bool) -> list[Pose]:
    """The poses that one person goes through, from stance to stance."""
    script: list[Pose] = [{}, {}]
    for phase, count in zip(action.phases, rounds, strict=True):
        script += _poses(phase, partner) * count + [{}]
    return [*script[:-1], script[-2]] if action.stays else [*script, {}]


def _poses(phase: Phase, partner: bool) -> list[Pose]:
    return list(phase.partner if partner else phase.poses)


def _times(count: int, beat: float, rng: np.random.Generator) -> Array:
    """Frame at which each of ``count`` poses is reached; idle at both ends. Shape: (count,)."""
    durations = beat * np.exp(rng.normal(0.0, BEATVAR, count - 1))
    durations[[0, -1]] = rng.uniform(0.0, IDLE, 2)
    times = np.concatenate([[0.0], np.cumsum(durations)])
    return times * np.clip(times[-1], SHORTEST - 1, LONGEST - 1) / times[-1]


def _act(action: Action, script: list[Pose], times: Array, who: Performer, rng: np.random.Generator) -> Array:
    """One person's rig joints over time. Shape: (T, R, 3)."""
    rows = _between(_keys(action, script, who, rng), times, rng)
    angles = rows[:, :_MOVE] + _sway(len(rows), rng)
    move = rows[:, _MOVE]
    if who.left_handed:
        angles, move = mirrored(angles), move * (1.0, 1.0, -1.0)
    positions = forward_kinematics(angles, who.offsets)
    floor = positions[:, FEET, 1].min(axis=1)
    positions += np.stack([move[:, 2], move[:, 0] - floor, move[:, 1]], axis=1)[:, None]
    return positions


def _keys(action: Action, script: list[Pose], who: Performer, rng: np.random.Generator) -> Array:
    """Angles and move of every pose of the script. Shape: (K, R + 1, 3)."""
    stances = [_stance(action, who, rng) for _ in range(3)]
    keys = np.stack([stances[0], *[stances[1]] * (len(script) - 2), stances[2]])
    stance = stances[1]
    amplitude = who.amplitude * np.clip(rng.normal(1.0, 0.07, len(script)), 0.8, 1.2)
    for key, factor, pose in zip(keys, amplitude, script, strict=True):
        for name, values in pose.items():
            row = _ROWS[name]
            key[row] += factor * (np.asarray(values) - stance[row])
    keys[1:-1, 1:_MOVE] += rng.normal(0.0, 3.0, (len(script) - 2, _MOVE - 1, 3))
    keys[:, 0, 2] += np.cumsum(rng.normal(0.0, TURN, len(script)))
    return keys


def _stance(action: Action, who: Performer, rng: np.random.Generator) -> Array:
    """How the performer stands when nothing is asked of a joint. Shape: (R + 1, 3)."""
    stance = who.habit.copy()
    for name, values in (*_STANCES[rng.choice(len(_STANCES), p=_STANCE_ODDS)].items(), *action.posture.items()):
        stance[_ROWS[name]] += values
    for side in ('left', 'right'):
        stance[_ROWS[f'{side}_shoulder']] += (abs(rng.normal(6.0, 4.0)), rng.uniform(30.0, 90.0), 0.0)
        stance[_ROWS[f'{side}_elbow']] += (abs(rng.normal(12.0, 8.0)), 0.0, 0.0)
        if f'{side}_hip' not in action.posture:
            stance[_ROWS[f'{side}_hip']] += (abs(rng.normal(4.0, 3.0)), 90.0, 0.0)
    return stance


_STANCE_ODDS = (0.5, 0.1, 0.1, 0.1, 0.1, 0.1)


def _between(keys: Array, times: Array, rng: np.random.Generator) -> Array:
    """Eased interpolation between key poses, one row per frame. Shape: (T, R + 1, 3)."""
    frames = np.arange(round(float(times[-1])) + 1)
    before = np.clip(np.searchsorted(times, frames, side='right') - 1, 0, len(times) - 2)
    part = np.clip((frames - times[before]) / np.maximum(times[before + 1] - times[before], 1e-6), 0.0, 1.0)
    haste = rng.uniform(1.0, 1.5)
    part = np.minimum(1.0, part * haste)
    ease = (part * part * (3.0 - 2.0 * part))[:, None, None]
    return keys[before] + ease * (keys[before + 1] - keys[before])


def _sway(num_frames: int, rng: np.random.Generator) -> Array:
    """Small slow movements of every joint, in degrees. Shape: (T, R, 3)."""
    seconds = np.arange(num_frames)[:, None, None] / 30.0
    pace = rng.uniform(0.15, 0.6, (len(JOINTS), 3))
    sway = rng.normal(0.0, 2.0, (len(JOINTS), 3)) * np.sin(
        2 * np.pi * (pace * seconds + rng.random((len(JOINTS), 3)))
    )
    sway[:, 0] *= 0.5
    return sway
