"""The text of a BVH file: a tree of joints with their channels, then a line of numbers a frame."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from skelreg.errors import DataError

POSITIONS = ('Xposition', 'Yposition', 'Zposition')
ROTATIONS = ('Xrotation', 'Yrotation', 'Zrotation')
CHANNELS = (*POSITIONS, *ROTATIONS)


@dataclass
class Joint:
    """A joint or an end site.

    Attributes:
        name: As in the file; that of an end site is '<parent>_end'.
        parent: Index of the parent, -1 for the root.
        offset: From the parent's position, in the units of the file.
        channels: Names in the order of the file; none for an end site.
        is_end: Whether it is an end site.
    """

    name: str
    parent: int
    offset: tuple[float, float, float] = (0.0, 0.0, 0.0)
    channels: tuple[str, ...] = ()
    is_end: bool = False


@dataclass(frozen=True)
class Recording:
    """A whole file.

    Attributes:
        joints: Parents before their children, end sites among them.
        frame_time: Seconds from frame to frame.
        values: (T, channels of all joints in their order), lengths in the file's units, angles in degrees.
    """

    joints: tuple[Joint, ...]
    frame_time: float
    values: NDArray[np.float64] = field(repr=False)


class _Words:
    """The words of a file, each with its line."""

    def __init__(self, text: str, name: str) -> None:
        self.name, self.line = name, 0
        self.lines = text.splitlines()
        self._words: Iterator[tuple[int, str]] = (
            (number, word) for number, line in enumerate(self.lines, start=1) for word in line.split()
        )

    def wrong(self, what: str, got: object, accepted: object) -> DataError:
        return DataError(what, got=got, accepted=accepted, where=f'{self.name}, line {self.line}')

    def next(self) -> str:
        found = next(self._words, None)
        if found is None:
            raise DataError(
                'file ends too early', got=f'{len(self.lines)} lines', where=self.name,
                fix='get the file again',
            )
        self.line, word = found
        return word

    def expect(self, *words: str) -> str:
        found = self.next()
        if found.upper() not in [word.upper() for word in words]:
            raise self.wrong('file holds another word than it should', got=found, accepted=' or '.join(words))
        return found.upper()

    def number(self) -> float:
        word = self.next()
        try:
            value = float(word)
        except ValueError:
            raise self.wrong('file holds no number where one should be', word, 'a number') from None
        if not math.isfinite(value):
            raise self.wrong('number is not finite', word, 'a finite number')
        return value

    def count(self, most: int) -> int:
        value = self.number()
        if value != int(value) or not 0 <= value <= most:
            raise self.wrong('file holds no count where one should be', value, f'0..{most}')
        return int(value)


def parse(text: str, name: str) -> Recording:
    """Read the text of a file.

    Args:
        text: The whole of it.
        name: For messages.

    Raises:
        DataError: With the line and what is wrong there.
    """
    words = _Words(text, name)
    words.expect('HIERARCHY')
    joints = _hierarchy(words)
    words.expect('MOTION')
    words.expect('Frames:')
    num_frames = words.count(most=10**8)
    words.expect('Frame')
    words.expect('Time:')
    frame_time = words.number()
    if frame_time <= 0:
        raise words.wrong('frame time is no duration', frame_time, 'seconds > 0')
    width = sum(len(joint.channels) for joint in joints)
    return Recording(joints, frame_time, _frames(words, num_frames, width))


def _hierarchy(words: _Words) -> tuple[Joint, ...]:
    """The tree, without recursion: a file may nest as deep as it likes."""
    words.expect('ROOT')
    joints, open_joints = [Joint(words.next(), parent=-1)], [0]
    words.expect('{')
    while open_joints:
        joint = joints[open_joints[-1]]
        word = words.expect('OFFSET', '}') if joint.is_end else words.expect(
            'OFFSET', 'CHANNELS', 'JOINT', 'End', '}'
        )
        if word == 'OFFSET':
            joint.offset = (words.number(), words.number(), words.number())
        elif word == 'CHANNELS':
            joint.channels = _channels(words)
        elif word == '}':
            open_joints.pop()
        else:
            is_end = word == 'END'
            if is_end:
                words.expect('Site')
            name = f'{joint.name}_end' if is_end else words.next()
            words.expect('{')
            joints.append(Joint(name, parent=open_joints[-1], is_end=is_end))
            open_joints.append(len(joints) - 1)
    names = [joint.name for joint in joints]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise words.wrong('joints have one name', ', '.join(twice), 'each name once')
    return tuple(joints)


def _channels(words: _Words) -> tuple[str, ...]:
    known = {channel.upper(): channel for channel in CHANNELS}
    found = tuple(known[words.expect(*CHANNELS)] for _ in range(words.count(most=len(CHANNELS))))
    if len(set(found)) < len(found):
        raise words.wrong('joint has a channel twice', ' '.join(found), 'each channel once')
    return found


def _frames(words: _Words, num_frames: int, width: int) -> NDArray[np.float64]:
    lines = [
        (number, line)
        for number, line in enumerate(words.lines[words.line :], start=words.line + 1)
        if line.strip()
    ]
    if len(lines) != num_frames:
        raise DataError(
            'file has another number of frames than it says',
            got=len(lines), accepted=num_frames, where=words.name, fix='get the file again',
        )
    values = np.empty((num_frames, width))
    for row, (number, line) in zip(values, lines, strict=True):
        words.line = number
        parts = line.split()
        if len(parts) != width:
            raise words.wrong('frame has not one value for each channel', len(parts), width)
        try:
            row[:] = [float(part) for part in parts]
        except ValueError as error:
            raise words.wrong('frame holds something else than numbers', error, 'numbers') from None
        if not np.isfinite(row).all():
            raise words.wrong('number is not finite', line[:40], 'finite numbers')
    return values
