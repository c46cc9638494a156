"""How an action unfolds in time: from an ``Action`` and its performers to the rig's joints in each frame."""

from __future__ import annotations

import numpy as np

from .actions import Action, Pose
from .people import Performer, stance
from .rig import FEET, JOINTS, ROWS, Array, forward_kinematics, mirrored

SHORTEST, LONGEST = 30, 150

# Frames at most before the action begins and after it ends.
_IDLE = 60.0
# Spread (log) of the durations within a performance.
_HURRY = 0.4
# Degrees: spread of every angle of a pose from one time to the next, and of the way a person faces.
_CARELESS, _TURN = 4.0, 9.0
# Small slow movements: their spread in degrees and the frames from one to the next.
_SWAY, _SWAY_FRAMES = 2.0, 20.0

_MOVE = ROWS['move']


def perform(action: Action, performers: list[Performer], rng: np.random.Generator) -> Array:
    """Rig joints of all performers over time, each in their own body axes, feet on the floor.

    Shape:
        output: (B, T, R, 3) with SHORTEST <= T <= LONGEST.
    """
    rounds = [int(rng.integers(phase.repeats[0], phase.repeats[1] + 1)) for phase in action.phases]
    scripts = [_script(action, rounds, partner) for partner in (False, True)[: len(performers)]]
    times = _times(len(scripts[0]), action.beat * performers[0].tempo, rng)
    return np.stack(
        [_act(action, script, times, who, rng) for script, who in zip(scripts, performers, strict=True)]
    )


def _script(action: Action, rounds: list[int], partner: bool) -> list[Pose]:
    """The poses that one person goes through; an empty pose is the stance."""
    script: list[Pose] = [{}, {}]
    for phase, count in zip(action.phases, rounds, strict=True):
        script += [*(phase.partner if partner else phase.poses)] * count + [{}]
    return [*script[:-1], script[-2]] if action.stays else [*script, {}]


def _times(count: int, beat: float, rng: np.random.Generator) -> Array:
    """Frame at which each of ``count`` poses is reached; idle at both ends. Shape: (count,)."""
    durations = beat * np.exp(rng.normal(0.0, _HURRY, count - 1))
    durations[[0, -1]] = rng.uniform(0.0, _IDLE, 2)
    times = np.concatenate([[0.0], np.cumsum(durations)])
    times *= np.clip(times[-1], SHORTEST - 1, LONGEST - 1) / times[-1]
    return times.astype(np.float32)


def _act(action: Action, script: list[Pose], times: Array, who: Performer, rng: np.random.Generator) -> Array:
    """One person's rig joints over time. Shape: (T, R, 3)."""
    frames = np.arange(round(float(times[-1])) + 1, dtype=np.float32)
    rows = _between(_keys(action, script, who, rng), times, frames, haste=rng.uniform(1.0, 1.5))
    angles, move = rows[:, :_MOVE] + _sway(frames, rng), rows[:, _MOVE]
    # A layout without a joint at the chest has one bone from the spine to the neck, which must not bend.
    angles[:, ROWS['chest']] = 0.0
    positions = forward_kinematics(mirrored(angles) if who.left_handed else angles, who.offsets)
    floor = positions[:, FEET, 1].min(axis=1)
    positions[:, :, 1] += (move[:, 0] - floor)[:, None]
    positions[:, :, 2] += move[:, 1, None]
    return positions


def _keys(action: Action, script: list[Pose], who: Performer, rng: np.random.Generator) -> Array:
    """Angles and move of every pose of the script. Shape: (K, R + 1, 3)."""
    before, during, after = (stance(who, action.posture, rng) for _ in range(3))
    keys = np.stack([before, *[during] * (len(script) - 2), after])
    amplitude = who.amplitude * np.clip(rng.normal(1.0, 0.07, len(script)), 0.8, 1.2)
    for key, factor, pose in zip(keys, amplitude, script, strict=True):
        for name, values in pose.items():
            row = ROWS[name]
            key[row] += factor * (np.asarray(values) - key[row])
    keys[1:-1, 1:_MOVE] += rng.normal(0.0, _CARELESS, (len(script) - 2, _MOVE - 1, 3))
    keys[:, 0, 2] += np.cumsum(rng.normal(0.0, _TURN, len(script)))
    return keys


def _between(keys: Array, times: Array, frames: Array, haste: float) -> Array:
    """Eased interpolation of keys reached at ``times``; with haste above 1 they are held a while.

    Shape:
        keys: (K, ...); times: (K,); frames: (T,); output: (T, ...).
    """
    start = np.clip(np.searchsorted(times, frames, side='right') - 1, 0, len(times) - 2)
    duration = np.maximum(times[start + 1] - times[start], 1e-6)
    part = np.clip(haste * (frames - times[start]) / duration, 0.0, 1.0)
    ease = (part * part * (3.0 - 2.0 * part)).astype(np.float32).reshape(-1, *[1] * (keys.ndim - 1))
    return keys[start] + ease * (keys[start + 1] - keys[start])


def _sway(frames: Array, rng: np.random.Generator) -> Array:
    """Small slow movements of every joint but the pelvis, in degrees. Shape: (T, R, 3)."""
    times = np.arange(0.0, frames[-1] + 2 * _SWAY_FRAMES, _SWAY_FRAMES, dtype=np.float32)
    keys = _SWAY * rng.standard_normal((len(times), len(JOINTS), 3), dtype=np.float32)
    keys[:, 0] = 0.0
    return _between(keys, times, frames, haste=1.0)
