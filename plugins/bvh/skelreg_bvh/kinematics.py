"""From angles to positions."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from .parser import POSITIONS, ROTATIONS, Recording

#: What a position channel means beside the joint's offset.
Placement = Literal['added', 'absolute']


def positions(recording: Recording, placement: Placement = 'added') -> NDArray[np.float64]:
    """Where every joint is, end sites included.

    A joint's rotations are applied in the order of its channels from the left: `Zrotation Xrotation` turns a
    vector v to Rz (Rx v). Angles follow the right-hand rule.

    Args:
        recording: What `parse` returned.
        placement: Position channels are added to the joint's offset, or stand in its place.

    Returns:
        (T, V, 3) in the units of the file.
    """
    num_frames = len(recording.values)
    place = np.empty((num_frames, len(recording.joints), 3))
    turn = np.empty((num_frames, len(recording.joints), 3, 3))
    first = 0
    for index, joint in enumerate(recording.joints):
        channels = recording.values[:, first : first + len(joint.channels)]
        first += len(joint.channels)
        local, rotation = np.tile(joint.offset, (num_frames, 1)), np.tile(np.eye(3), (num_frames, 1, 1))
        for channel, values in zip(joint.channels, channels.T, strict=True):
            if channel in POSITIONS:
                axis = POSITIONS.index(channel)
                local[:, axis] = values + (joint.offset[axis] if placement == 'added' else 0.0)
            else:
                rotation = rotation @ _about(ROTATIONS.index(channel), np.deg2rad(values))
        if joint.parent < 0:
            place[:, index], turn[:, index] = local, rotation
        else:
            above = turn[:, joint.parent]
            place[:, index] = place[:, joint.parent] + (above @ local[..., None])[..., 0]
            turn[:, index] = above @ rotation
    return place


def _about(axis: int, angle: NDArray[np.float64]) -> NDArray[np.float64]:
    """(T, 3, 3) rotations about x, y or z (0, 1, 2) by (T,) angles in radians."""
    matrix = np.tile(np.eye(3), (len(angle), 1, 1))
    second, third = (axis + 1) % 3, (axis + 2) % 3
    matrix[:, second, second] = matrix[:, third, third] = np.cos(angle)
    matrix[:, third, second] = np.sin(angle)
    matrix[:, second, third] = -np.sin(angle)
    return matrix
