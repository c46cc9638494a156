"""The humanoid rig behind synthetic motion: its bones, and forward kinematics on them.

Body axes are x to the person's left, y up, z ahead, in metres. Angles are (bend, plane, twist) per joint:
``bend`` away from the rest pose, ``plane`` the direction of the bend (0 ahead; positive outwards for a
limb, to the left for the trunk), ``twist`` about the bone itself (same sign).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]

# Joint, parent, offset from the parent in metres, for a person of 1.75 m who stands with hanging arms.
_TRUNK = (
    ('pelvis', 'pelvis', (0.0, 0.0, 0.0)),
    ('spine', 'pelvis', (0.0, 0.29, 0.0)),
    ('chest', 'spine', (0.0, 0.22, -0.01)),
    ('neck', 'chest', (0.0, 0.08, 0.0)),
    ('head', 'neck', (0.0, 0.14, 0.02)),
)
_LEFT = (
    ('left_shoulder', 'chest', (0.17, -0.04, 0.0)),
    ('left_elbow', 'left_shoulder', (0.02, -0.28, 0.0)),
    ('left_wrist', 'left_elbow', (0.0, -0.25, 0.0)),
    ('left_hand', 'left_wrist', (0.0, -0.08, 0.0)),
    ('left_hand_tip', 'left_hand', (0.0, -0.08, 0.0)),
    ('left_thumb', 'left_hand', (0.0, -0.03, 0.05)),
    ('left_hip', 'pelvis', (0.09, -0.05, 0.0)),
    ('left_knee', 'left_hip', (0.01, -0.41, 0.0)),
    ('left_ankle', 'left_knee', (0.0, -0.39, -0.01)),
    ('left_foot', 'left_ankle', (0.02, -0.05, 0.11)),
)
_RIGHT = tuple(
    (name.replace('left', 'right'), parent.replace('left', 'right'), (-x, y, z))
    for name, parent, (x, y, z) in _LEFT
)
_BONES = _TRUNK + _LEFT + _RIGHT

JOINTS: tuple[str, ...] = tuple(name for name, _, _ in _BONES)
JOINT_INDEX: dict[str, int] = {name: index for index, name in enumerate(JOINTS)}
# The rows of a pose: the angles of each joint, and below them (up, ahead, 0) in metres.
ROWS: dict[str, int] = {**JOINT_INDEX, 'move': len(JOINTS)}
PARENTS: NDArray[np.intp] = np.array([JOINT_INDEX[parent] for _, parent, _ in _BONES])
OFFSETS: Array = np.array([offset for _, _, offset in _BONES], dtype=np.float32)
FEET: list[int] = [JOINT_INDEX[f'{side}_{name}'] for side in ('left', 'right') for name in ('ankle', 'foot')]

_num_trunk, _num_side = len(_TRUNK), len(_LEFT)
_left = np.arange(_num_trunk, _num_trunk + _num_side)
FLIP: NDArray[np.intp] = np.concatenate([np.arange(_num_trunk), _left + _num_side, _left])

# Limbs hang, so the rotation that bends them ahead is the opposite of the trunk's; knees bend backwards.
# Both signs are (R, 1).
_BEND_SIGN: Array = np.array(
    [[1] if i < _num_trunk or 'knee' in name else [-1] for i, name in enumerate(JOINTS)], dtype=np.float32
)
_TURN_SIGN: Array = np.array([[-1] if name.startswith('right') else [1] for name in JOINTS], dtype=np.float32)


def _levels() -> list[NDArray[np.intp]]:
    """Joints by their distance from the pelvis, so that a whole level is placed at once."""
    depth = np.zeros(len(JOINTS), dtype=int)
    for joint in range(1, len(JOINTS)):
        depth[joint] = depth[PARENTS[joint]] + 1
    return [np.flatnonzero(depth == level) for level in range(1, depth.max() + 1)]


LEVELS = _levels()


def rotations(angles: Array) -> Array:
    """Rotation matrices of joint angles: about y by plane, about x by bend, about y by twist - plane.

    Frames stand last, because the sums over matrix entries are then sums of whole rows.

    Args:
        angles: (bend, plane, twist) in degrees.
    Shape:
        angles: (T, R, 3); output: (3, 3, R, T).
    """
    bend, plane, twist = np.deg2rad(angles.T, dtype=np.float32, order='C')  # each (R, T)
    bend, plane, twist = _BEND_SIGN * bend, _TURN_SIGN * plane, _TURN_SIGN * (twist - plane)
    ca, cb, cc = np.cos(plane), np.cos(bend), np.cos(twist)
    sa, sb, sc = np.sin(plane), np.sin(bend), np.sin(twist)
    return np.array([
        [ca * cc - sa * cb * sc, sa * sb, ca * sc + sa * cb * cc],
        [sb * sc, cb, -sb * cc],
        [-sa * cc - ca * cb * sc, ca * sb, ca * cb * cc - sa * sc],
    ])


def forward_kinematics(angles: Array, offsets: Array) -> Array:
    """Joint positions with the pelvis at the origin.

    Args:
        angles: (bend, plane, twist) in degrees.
        offsets: Each joint's offset from its parent in metres; their lengths are the bone lengths.
    Shape:
        angles: (T, R, 3); offsets: (R, 3); output: (T, R, 3).
    """
    turned = rotations(angles)
    positions = np.zeros(angles.shape[::-1], dtype=np.float32)
    for joints in LEVELS:
        parents = PARENTS[joints]
        above = turned[:, :, parents]
        positions[:, joints] = positions[:, parents] + np.einsum('abjt,jb->ajt', above, offsets[joints])
        turned[:, :, joints] = np.einsum('abjt,bcjt->acjt', above, turned[:, :, joints])
    return positions.T


def mirrored(angles: Array) -> Array:
    """The same pose with left and right exchanged; the trunk's plane and twist change sign.

    Shape:
        angles: (..., R, 3); output: the same.
    """
    out = angles[..., FLIP, :]
    out[..., :_num_trunk, 1:] *= -1
    return out
