"""Raw skeleton files read line by line, as their formats are described; a ValueError for anything else."""

from __future__ import annotations

import numpy as np

#: Half-way between the largest single-precision number and the next that would follow it.
TOO_LARGE = (2 - 2**-24) * 2.0**127

Body = tuple[int, list[list[float]]]  # id, joints


def integer(token: bytes) -> int:
    if not token.isdigit() or len(token) > 20:
        raise ValueError(token)
    return int(token)


def coordinate(token: bytes) -> float:
    value = float(token)
    if b'_' in token or not abs(value) < TOO_LARGE:
        raise ValueError(token)
    return value


def fields(line: bytes, count: int) -> list[bytes]:
    tokens = line.split()
    if len(tokens) != count:
        raise ValueError(line)
    return tokens


def read_ntu(content: bytes, num_joints: int = 25) -> list[list[Body]]:
    """The bodies of every frame of a `.skeleton` file."""
    lines = [line for line in content.split(b'\n') if line.split()]
    lines.reverse()
    if not lines:
        raise ValueError('empty')
    frames = []
    num_frames = integer(lines.pop().split()[0])
    if num_frames > len(lines):
        raise ValueError(num_frames)
    for _ in range(num_frames):
        if not lines:
            raise ValueError('breaks off')
        bodies = []
        count = integer(fields(lines.pop(), 1)[0])
        if count > len(lines):
            raise ValueError(count)
        for _ in range(count):
            if len(lines) < num_joints + 2:
                raise ValueError('breaks off')
            identity = integer(fields(lines.pop(), 10)[0])
            if integer(lines.pop().split()[0]) != num_joints:
                raise ValueError('joints')
            joints = [[coordinate(x) for x in fields(lines.pop(), 12)[:3]] for _ in range(num_joints)]
            bodies.append((identity, joints))
        frames.append(bodies)
    if lines:
        raise ValueError('goes on')
    return frames


def first_bodies(frames: list[list[Body]], max_bodies: int = 2) -> np.ndarray:
    """(T, M, V, 3) the first bodies of every frame, whatever their ids."""
    seen = min(max((len(bodies) for bodies in frames), default=0), max_bodies)
    result = np.zeros((len(frames), max(seen, 1), 25, 3), np.float32)
    for t, bodies in enumerate(frames):
        for m, (_, joints) in enumerate(bodies[:max_bodies]):
            result[t, m] = joints
    return result


def moving_bodies(frames: list[list[Body]], max_bodies: int = 2) -> np.ndarray:
    """(T, M, V, 3) the ids that move most, each at its rank."""
    tracks: dict[int, list[tuple[int, list[list[float]]]]] = {}
    for t, bodies in enumerate(frames):
        for identity, joints in bodies:
            tracks.setdefault(identity, []).append((t, joints))
    energy = {}
    for identity, track in tracks.items():
        points = np.float32([point for _, joints in track for point in joints]).astype(np.float64)
        energy[identity] = sum(np.mean((points[:, c] - points[:, c].mean()) ** 2) for c in range(3))
    order = sorted(tracks, key=lambda identity: -energy[identity])[:max_bodies]
    result = np.zeros((len(frames), max(len(order), 1), 25, 3), np.float32)
    for m, identity in enumerate(order):
        for t, joints in tracks[identity]:
            result[t, m] = joints
    return result


def read_pku(content: bytes) -> np.ndarray:
    """(T, 2, 25, 3) a whole recording of PKU-MMD."""
    lines = [line for line in content.split(b'\n') if line.split()]
    if not lines:
        raise ValueError('empty')
    rows = [[coordinate(token) for token in fields(line, 150)] for line in lines]
    return np.float32(rows).reshape(-1, 2, 25, 3)


def read_pku_labels(content: bytes) -> list[tuple[int, int, int, int]]:
    """(class, start, end, confidence) of every action, by start."""
    labels = []
    for line in content.splitlines():
        if not line.strip():
            continue
        values = [token.strip() for token in line.split(b',')]
        if len(values) != 4 or not all(value.isdigit() and len(value) < 10 for value in values):
            raise ValueError(line)
        label = tuple(int(value) for value in values)
        if not 1 <= label[0] <= 51 or label in labels:
            raise ValueError(line)
        labels.append(label)
    if not labels:
        raise ValueError('empty')
    return sorted(labels, key=lambda label: label[1])
