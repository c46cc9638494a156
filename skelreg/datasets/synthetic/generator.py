"""Synthetic skeleton sequences with everything a recorded dataset has: people, cameras, setups, faults."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import ConfigError
from ...graphs import SkeletonLayout, get_layout
from ..archive import SkeletonArchive
from .actions import Action
from .attachment import attachment
from .catalogue import catalogue
from .people import Performer, draw_performer
from .performance import perform
from .rig import Array
from .sensor import place, track, view

NUM_SETUPS = 32
_SUBJECTS, _CAMERAS = 40, 3

# Radians: between neighbouring cameras, and how far at most people turn away from the middle one. Each
# camera sees directions that the others do not, so that a split by camera asks for more than one by subject.
_CAMERA_STEP, _HEADING = np.deg2rad((45.0, 90.0))

# First words of the seeds, so that what is drawn for one purpose never repeats for another.
_SUBJECT, _SETUP, _CAST, _SEQUENCE = range(4)


def describe(
    num_sequences: int, num_classes: int, max_bodies: int, seed: int = 0
) -> dict[str, NDArray[Any]]:
    """The columns of `generate`'s index that are known before any motion is; arguments as there."""
    studio = _open_studio('ntu_rgbd', num_sequences, num_classes, max_bodies, seed)
    return _columns([studio.cast(i)[0] for i in range(num_sequences)])


def generate(
    layout: str | SkeletonLayout = 'ntu_rgbd',
    num_sequences: int = 512,
    num_classes: int = 12,
    max_bodies: int = 2,
    seed: int = 0,
    num_subjects: int = _SUBJECTS,
    noise: float = 1.0,
    rows: Sequence[int] | None = None,
) -> SkeletonArchive:
    """People who perform actions before cameras, made from nothing but the seed.

    Sequence i is the same whatever ``num_sequences``; labels go round, so that classes are balanced. All
    pairs of subject and camera come equally often within a class.

    Args:
        layout: Which joints to report, of a skeleton seen in camera axes (y up, z away) in metres.
        num_sequences: How many there are, of which `rows` takes some.
        num_classes: Length of the catalogue, see ``catalogue``.
        max_bodies: M; with 2 or more, some actions take two persons. Absent bodies are zeros.
        seed: Of everything that is drawn; whole and not negative.
        num_subjects: Subjects are numbered from 1; so are the cameras, which are also the views.
        noise: Factor on the tracker's faults; 0 gives bones of constant length.
        rows: Which of the sequences to make, at least one; None makes all.
    Raises:
        ConfigError: If a number is out of range, or the layout does not exist.
    """
    layout = get_layout(layout)
    studio = _open_studio(layout, num_sequences, num_classes, max_bodies, seed, num_subjects, noise)
    sequences = [studio.record(i) for i in (range(num_sequences) if rows is None else rows)]
    frames = _stack([bodies for bodies, _ in sequences], max_bodies)
    index = _columns([row for _, row in sequences])
    index['offset'] = np.concatenate([[0], np.cumsum(index['length'])[:-1]])
    meta = dict(
        dataset='synthetic',
        synthetic=True,
        layout=layout.name,
        channels=['x', 'y', 'z'],
        num_classes=num_classes,
        class_names=[action.name for action in studio.actions],
        source=f'procedural motion, no recording; seed {seed}',
    )
    return SkeletonArchive(frames, index, meta)


def _open_studio(
    layout: str | SkeletonLayout,
    num_sequences: int,
    num_classes: int,
    max_bodies: int,
    seed: int,
    num_subjects: int = _SUBJECTS,
    noise: float = 1.0,
) -> _Studio:
    counts = dict(sequences=num_sequences, bodies=max_bodies, subjects=num_subjects)
    for name, value in counts.items():
        if value < 1:
            raise ConfigError(f'a synthetic dataset needs {name}', got=value, accepted='1 or more')
    if min(seed, noise) < 0:
        raise ConfigError('seed and noise of a synthetic dataset are not negative', got=(seed, noise))
    actions = catalogue(num_classes, max_bodies)
    return _Studio(attachment(get_layout(layout)), actions, seed, num_subjects, noise)


class _Studio:
    """People and cameras, which the sequences share."""

    def __init__(
        self,
        weights: Array,
        actions: tuple[Action, ...],
        seed: int,
        num_subjects: int,
        noise: float,
    ) -> None:
        self.weights = weights
        self.actions = actions
        self.seed = seed
        self.noise = noise
        self.performers = [draw_performer(self._rng(_SUBJECT, subject)) for subject in range(num_subjects)]
        pairs = num_subjects * _CAMERAS
        self.turns = [self._rng(_CAST, label).permutation(pairs) for label in range(len(actions))]
        # Distance and height of the cameras in metres, one pair a setup.
        low, high = (2.4, 0.5), (4.2, 2.4)
        self.setups = [self._rng(_SETUP, setup).uniform(low, high) for setup in range(NUM_SETUPS)]

    def cast(self, i: int) -> tuple[dict[str, Any], np.random.Generator]:
        """Who performs what where in sequence i, as columns, and the generator of all other draws."""
        rng = self._rng(_SEQUENCE, i)
        label, turn = i % len(self.actions), i // len(self.actions)
        subject, camera = divmod(int(self.turns[label][turn % len(self.turns[label])]), _CAMERAS)
        row = dict(
            name=f'synthetic_{i:06d}', label=label, bodies=self.actions[label].bodies,
            subject=subject + 1, camera=camera + 1, view=camera + 1, setup=int(rng.integers(NUM_SETUPS)) + 1,
        )
        return row, rng

    def record(self, i: int) -> tuple[NDArray[np.float32], dict[str, Any]]:
        """Sequence i and its row of the index. Shape: (B, T, V, 3)."""
        row, rng = self.cast(i)
        action = self.actions[row['label']]
        people = self._people(action, row['subject'] - 1, rng)
        scene = place(perform(action, people, rng), action.gap, _heading(rng))
        bodies = self._film(self.weights @ scene, row['camera'] - 1, row['setup'] - 1, rng)
        return bodies, {**row, 'length': bodies.shape[1]}

    def _people(self, action: Action, subject: int, rng: np.random.Generator) -> list[Performer]:
        """The subject and, if the action takes two, somebody without a number who uses the same hand."""
        first = self.performers[subject]
        partners = [draw_performer(rng) for _ in range(action.bodies - 1)]
        return [first, *(replace(partner, left_handed=first.left_handed) for partner in partners)]

    def _film(self, scene: Array, camera: int, setup: int, rng: np.random.Generator) -> Array:
        distance, height = self.setups[setup]
        yaw = _CAMERA_STEP * (camera - (_CAMERAS - 1) / 2)
        pitch = np.arctan2(height - 1.0, distance) + rng.normal(0.0, 0.03)
        aside = np.array([rng.normal(0.0, 0.25), 0.0, rng.normal(0.0, 0.25)], dtype=np.float32)
        return track(view(scene + aside, yaw, pitch, distance, height), self.noise, rng)

    def _rng(self, purpose: int, number: int) -> np.random.Generator:
        return np.random.default_rng((self.seed, purpose, number))


def _heading(rng: np.random.Generator) -> float:
    """Radians about the vertical: ahead, where the middle camera stands, or far to either side."""
    return float(rng.uniform(-_HEADING, _HEADING))


def _stack(sequences: list[NDArray[np.float32]], max_bodies: int) -> NDArray[np.float32]:
    """All sequences end to end. Shape: (F, M, V, 3)."""
    num_frames = sum(bodies.shape[1] for bodies in sequences)
    frames = np.zeros((num_frames, max_bodies, *sequences[0].shape[2:]), dtype=np.float32)
    start = 0
    for bodies in sequences:
        stop = start + bodies.shape[1]
        frames[start:stop, : len(bodies)] = bodies.swapaxes(0, 1)
        start = stop
    return frames


def _columns(rows: Sequence[dict[str, Any]]) -> dict[str, NDArray[Any]]:
    return {name: np.array([row[name] for row in rows]) for name in rows[0]}
