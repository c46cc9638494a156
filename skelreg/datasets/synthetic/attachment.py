"""How a skeleton layout reads its joints off the rig: by name, or else along the limb that it stands for."""

from __future__ import annotations

import re

import numpy as np

from ...graphs import SkeletonLayout
from .rig import JOINT_INDEX, JOINTS, Array

# First match wins, so that 'hand_tip' is not taken for a hand nor 'spine_shoulder' for a shoulder.
_TRUNK_NAMES = (
    ('chest', r'spine_shoulder|shoulder_cent|chest|thorax|upper_spine'),
    ('pelvis', r'hip_cent|cent(re|er)_hip|mid_?hip|pelvis|root|spine_base|base.*spine'),
    ('head', r'head|nose|eye|ear|face|chin'),
    ('neck', r'neck'),
    ('spine', r'spine|torso|abdomen|belly'),
)
_LIMB_NAMES = (
    ('thumb', r'thumb'),
    ('hand_tip', r'tip|finger'),
    ('elbow', r'elbow'),
    ('wrist', r'wrist'),
    ('hand', r'hand|palm'),
    ('shoulder', r'shoulder|collar|clavicle'),
    ('knee', r'knee'),
    ('ankle', r'ankle|heel'),
    ('foot', r'foot|toe'),
    ('hip', r'hip'),
)
_ARM = ('shoulder', 'elbow', 'wrist', 'hand', 'hand_tip')
_LEG = ('hip', 'knee', 'ankle', 'foot')
_CHAINS = (
    ('pelvis', 'spine', 'chest', 'neck', 'head'),
    *(tuple(f'{side}_{name}' for name in limb) for limb in (_ARM, _LEG) for side in ('left', 'right')),
)


def attachment(layout: SkeletonLayout) -> Array:
    """Weights that turn rig joints into the layout's joints; a row sums to 1 and lies on one rig bone.

    Joints are known by their names (``left_wrist``, ``nose``, ...). The others are spread along a limb of
    the rig: the one that their body part's name says, or else one limb for each branch of the tree.

    Shape:
        output: (V, R).
    """
    weights = np.zeros((layout.num_joints, len(JOINTS)), dtype=np.float32)
    unknown = []
    for joint, name in enumerate(layout.joints):
        known = _rig_joint(name)
        if known is None:
            unknown.append(joint)
        else:
            weights[joint, JOINT_INDEX[known]] = 1.0
    distance, branch = _walk(layout)
    for chain, members in _limbs(layout, branch).items():
        ordered = sorted(members, key=lambda joint: (distance[joint], joint))
        for rank, joint in enumerate(ordered):
            if joint in unknown:
                weights[joint] = _along(_CHAINS[chain], rank / max(1, len(ordered) - 1))
    return weights


def _rig_joint(name: str) -> str | None:
    """The rig joint of a layout's joint name; None if the name says nothing."""
    name = re.sub(r'(?<=[a-z])(?=[A-Z])|[\s\-.]+', '_', name).lower()
    side = _side(name)
    if side is None:
        return next((joint for joint, pattern in _TRUNK_NAMES if re.search(pattern, name)), None)
    if re.search(_TRUNK_NAMES[2][1], name):
        return 'head'
    return next((f'{side}_{joint}' for joint, pattern in _LIMB_NAMES if re.search(pattern, name)), None)


def _side(name: str) -> str | None:
    found = re.search(r'(?:^|_)(l|r|left|right)(?:_|\d|$)', name)
    return None if found is None else {'l': 'left', 'r': 'right'}[found.group(1)[0]]


def _walk(layout: SkeletonLayout) -> tuple[list[int], list[int]]:
    """Distance in bones of each joint from the centre, and the number of the branch it lies on."""
    neighbours: list[list[int]] = [[] for _ in layout.joints]
    for child, parent in layout.edges:
        neighbours[child].append(parent)
        neighbours[parent].append(child)
    distance, branch = [-1] * layout.num_joints, [0] * layout.num_joints
    distance[layout.centre] = 0
    queue = [layout.centre]
    for joint in queue:
        for number, other in enumerate(sorted(neighbours[joint])):
            if distance[other] < 0:
                distance[other] = distance[joint] + 1
                branch[other] = number if joint == layout.centre else branch[joint]
                queue.append(other)
    return distance, branch


def _limbs(layout: SkeletonLayout, branch: list[int]) -> dict[int, list[int]]:
    """Chain of the rig -> the layout's joints along it."""
    chain_of = [number % len(_CHAINS) for number in branch]
    for part, members in layout.parts.items():
        side = _side(part.lower())
        for joint in members:
            if side and re.search(r'arm|leg', part.lower()):
                chain_of[joint] = (1 if 'arm' in part.lower() else 3) + (side == 'right')
            elif re.search(r'trunk|torso|head|body', part.lower()):
                chain_of[joint] = 0
    limbs: dict[int, list[int]] = {}
    for joint, chain in enumerate(chain_of):
        limbs.setdefault(chain, []).append(joint)
    return limbs


def _along(chain: tuple[str, ...], fraction: float) -> Array:
    """Weights of the point at a fraction of the way along a chain of rig joints. Shape: (R,)."""
    weights = np.zeros(len(JOINTS), dtype=np.float32)
    place = fraction * (len(chain) - 1)
    start = min(int(place), len(chain) - 2)
    weights[JOINT_INDEX[chain[start]]] = 1 - (place - start)
    weights[JOINT_INDEX[chain[start + 1]]] = place - start
    return weights
