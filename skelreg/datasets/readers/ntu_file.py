"""The text of one NTU RGB+D `.skeleton` file.

Number of frames; for each frame the number of bodies; for each body a header of ten values that
begins with its id, the number of joints, and a line of twelve values for each joint, of which the
first three are x, y, z in metres.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...errors import DataError
from .token_lines import TokenLines

_HEADER_FIELDS, _JOINT_FIELDS, _AXES = 10, 12, ('x', 'y', 'z')


@dataclass(frozen=True)
class BodyList:
    """Everybody in a recording, one row per body and frame, in the order of the file.

    Attributes:
        num_frames: T.
        frame: (B,) frame of each row, ascending.
        slot: (B,) place of each row among the bodies of its frame.
        identity: The sensor's id of each row, a number of up to 64 bits.
        joints: (B, V, 3) float32, metres.
    """

    num_frames: int
    frame: NDArray[np.int64]
    slot: NDArray[np.int64]
    identity: tuple[int, ...]
    joints: NDArray[np.float32]


def parse(content: bytes, num_joints: int, where: str) -> BodyList:
    """Read the text of a file.

    Args:
        content: The text.
        num_joints: V; a body with another number is refused.
        where: Name of the file, for messages.

    Raises:
        DataError: With the line, if the text breaks off, goes on after its last frame, has a line of
            the wrong length, or a number is none.
    """
    lines = TokenLines(content, where)
    if len(lines) == 0:
        raise DataError('file is empty', where=where)
    num_frames = lines.integer(0, 'number of frames')
    frame, slot, header = _find_bodies(lines, num_frames, num_joints)
    joint_lines = header[:, None] + 2 + np.arange(num_joints)  # (B, V)
    _check_fields(lines, header, _HEADER_FIELDS, 'body')
    _check_fields(lines, joint_lines.ravel(), _JOINT_FIELDS, 'joint')
    for line in header.tolist():
        if (count := lines.integer(line + 1, 'number of joints')) != num_joints:
            raise DataError(
                'body has the wrong number of joints',
                got=count,
                accepted=num_joints,
                where=lines.place(line + 1),
            )
    identity = tuple(lines.integer(line, 'body id') for line in header.tolist())
    joints = lines.floats(joint_lines.ravel(), len(_AXES), _AXES)
    return BodyList(num_frames, frame, slot, identity, joints.reshape(-1, num_joints, len(_AXES)))


def _find_bodies(
    lines: TokenLines, num_frames: int, num_joints: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """(B,) frame, place within the frame, and header line of every body."""
    counts: list[int] = []
    headers: list[int] = []
    line = 1
    for _ in range(num_frames):
        if line >= len(lines):
            break
        count = lines.integer(line, 'number of bodies')
        if lines.counts[line] != 1:
            raise _unlike(lines, line, 1, 'number of bodies')
        end = line + 1 + count * (num_joints + 2)
        if end > len(lines):
            break
        headers += range(line + 1, end, num_joints + 2)
        counts.append(count)
        line = end
    if len(counts) < num_frames:
        raise DataError(
            'file breaks off, or a frame has another number of bodies or joints than it says',
            got=f'{len(counts)} whole frames, {len(lines)} lines',
            accepted=f'{num_frames} frames, as the first line says',
            where=lines.place(min(line, len(lines) - 1)),
        )
    if line != len(lines):
        raise DataError(
            'file goes on after its last frame',
            got=f'{len(lines) - line} more lines',
            accepted=f'{num_frames} frames, as the first line says',
            where=lines.place(line),
        )
    each = np.array(counts, dtype=np.int64)  # (T,) bodies
    frame = np.repeat(np.arange(num_frames), each)
    slot = np.arange(len(headers)) - np.repeat(np.cumsum(each) - each, each)
    return frame, slot, np.array(headers, dtype=np.int64)


def _check_fields(lines: TokenLines, chosen: NDArray[np.int64], fields: int, what: str) -> None:
    wrong = np.flatnonzero(lines.counts[chosen] != fields)
    if len(wrong):
        raise _unlike(lines, int(chosen[wrong[0]]), fields, what)


def _unlike(lines: TokenLines, line: int, fields: int, what: str) -> DataError:
    return DataError(
        f'line of a {what} has the wrong number of values',
        got=int(lines.counts[line]),
        accepted=fields,
        where=lines.place(line),
    )
