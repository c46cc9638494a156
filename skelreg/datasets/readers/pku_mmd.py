"""PKU-MMD, parts I and II: untrimmed recordings, cut into actions by label files."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray

from ...errors import DataError
from ...graphs import get_layout
from ...registry import READERS
from ..cards import DatasetCard
from .base import Reader, Sequence, Source, find_files, without_twins
from .token_lines import TokenLines

#: Part -> names of its recordings: a number (I), or letters and numbers (II), and the view.
_NAMES = {
    1: re.compile(r'(?P<video>\d{4})-(?P<view>[LMR])', re.ASCII),
    2: re.compile(r'(?P<video>A\d+N\d+)-(?P<view>[LMR])', re.ASCII),
}
_LIST = re.compile(r'cross[-_](?P<split>subject|view)(?P<second>_v2)?', re.IGNORECASE)
_COLUMNS = {'subject': 'xsub', 'view': 'xview'}
#: Line of a split list, counted from 0, that names the recordings of a subset.
_LIST_LINES = {'train': 1, 'test': 3}
_LABEL = re.compile(rb'\s*(\d{1,9})\s*,\s*(\d{1,9})\s*,\s*(\d{1,9})\s*,\s*(\d{1,9})\s*')
_AXES = ('x', 'y', 'z')


@dataclass(frozen=True)
class Recording(Source):
    """A skeleton file with what other files say about it.

    Attributes:
        label: Its label file, None where there is none.
        subsets: (column, subset) for each split list: 'train', 'test', or 'neither'.
    """

    label: Source | None
    subsets: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Action:
    """A line of a label file: class from 1, frames [start, end), and how well it was performed."""

    number: int
    start: int
    end: int
    confidence: int


@READERS.register_module()
class PKUMMDReader(Reader):
    """Reads the folder of one part, in which zips need not be unpacked.

    It holds skeleton files NAME-V.txt (V is the view: L, M or R; a line of 150 numbers a frame, two
    bodies of 25 joints), a label file of the same name for each in a folder or zip whose name has
    `label` in it, and the two split lists, cross-subject.txt and cross-view.txt (part II:
    cross_subject_v2.txt and cross_view_v2.txt).

    A labelled interval [start, end) is taken as frames counted from 0, as peers do; the publishers
    do not say, and a frame more or less makes no difference. Its frames become a sequence named
    VIDEO-V-START-END-Aclass. The index says which subset the lists put it in (`xsub`, `xview`:
    train, test or neither), how many frames the interval reaches beyond the recording
    (`missing_frames`), and how many of its frames have no body (`empty_frames`). An interval that
    ends before it starts, or lies beyond the recording, is a malformed sequence. Subjects are not
    named by the files: -1.

    Args:
        card: The dataset.
        part: 1 or 2.
    """

    def __init__(self, card: DatasetCard, part: int = 1) -> None:
        super().__init__(card)
        if part not in _NAMES:
            raise ValueError(f'part must be 1 or 2, got {part!r}')
        self.part = part

    def sources(self, path: Path) -> list[Source]:
        files = [(file, _LIST.fullmatch(file.stem)) for file in find_files(path, '.txt')]
        rest = [file for file, listed in files if listed is None and not _is_readme(file)]
        labels = {file.stem: file for file in without_twins([f for f in rest if _is_label(f)], str(path))}
        skeletons = [file for file in rest if not _is_label(file)]
        if not skeletons:
            raise DataError('source holds no skeleton file', got=path, accepted='files named NAME-V.txt')
        if not labels:
            raise DataError(
                'source holds no label file',
                got=f'skeleton files, such as {skeletons[0].name}',
                accepted="label files of the same names, in a folder or zip whose name has 'label' in it",
                where=str(path),
            )
        subsets = {
            _COLUMNS[listed['split'].lower()]: _read_list(file)
            for file, listed in files
            if listed is not None and (listed['second'] is not None) == (self.part == 2)
        }
        if lacking := sorted(set(_COLUMNS.values()) - set(subsets)):
            raise DataError(
                f'source holds no list of the split {lacking[0]}',
                got=path,
                accepted='cross_subject_v2.txt and cross_view_v2.txt'
                if self.part == 2
                else 'cross-subject.txt and cross-view.txt',
                fix='get the folder Split of the dataset',
            )
        return [
            Recording(
                **{**vars(file), 'stamp': _stamp(file, label, subsets)},
                label=label,
                subsets=tuple(
                    (column, subsets[column].get(file.stem, 'neither')) for column in sorted(subsets)
                ),
            )
            for file in without_twins(skeletons, str(path))
            for label in [labels.get(file.stem)]
        ]

    def exclusion(self, source: Source) -> str | None:
        other = 2 if self.part == 1 else 1
        return f'part of PKU-MMD {"I" * other}' if _NAMES[other].fullmatch(source.stem) else None

    def read(self, source: Source) -> list[Sequence]:
        if not isinstance(source, Recording):
            raise TypeError(f'this reader made no {source}')
        named = _NAMES[self.part].fullmatch(source.stem)
        if named is None:
            raise DataError(
                'file name says neither video nor view',
                got=source.stem,
                accepted=f'{"NNNN" if self.part == 1 else "AnnNnn"}-V.txt, V one of L, M, R',
                where=source.name,
            )
        if source.label is None:
            raise DataError(
                'recording has no label file',
                accepted=f"{source.stem}.txt in a folder or zip whose name has 'label' in it",
                where=source.name,
            )
        actions = read_actions(source.label, self.card.num_classes)
        num_joints = get_layout(self.card.layout).num_joints
        frames = read_frames(source, self.card.max_bodies, num_joints)
        columns = dict(subject=-1, camera=named['view'], setup=1, video=named['video'])
        columns |= source.subsets
        return [_cut(source, frames, action, columns) for action in actions]


def read_frames(source: Source, max_bodies: int, num_joints: int) -> NDArray[np.float32]:
    """(T, M, V, 3) a whole recording.

    Raises:
        DataError: With the line, if one has another number of values, or a value is none.
    """
    lines = TokenLines(source.read_bytes(), source.name)
    if len(lines) == 0:
        raise DataError('file is empty', where=source.name)
    width = max_bodies * num_joints * len(_AXES)
    wrong = np.flatnonzero(lines.counts != width)
    if len(wrong):
        line = int(wrong[0])
        raise DataError(
            'frame has the wrong number of values',
            got=int(lines.counts[line]),
            accepted=f'{width} = {max_bodies} bodies x {num_joints} joints x 3',
            where=lines.place(line),
        )
    values = lines.floats(np.arange(len(lines)), width, _AXES)
    return values.reshape(len(lines), max_bodies, num_joints, len(_AXES))


def read_actions(source: Source, num_classes: int) -> list[Action]:
    """The actions of a label file by start, whatever their order in the file.

    Raises:
        DataError: With the line, if it is no label, its class does not exist, or it stands there twice.
    """
    actions: dict[Action, int] = {}
    for number, line in enumerate(source.read_bytes().splitlines(), start=1):
        if not line.strip():
            continue
        where = f'{source.name}, line {number}'
        label = _LABEL.fullmatch(line)
        if label is None:
            raise DataError(
                'line is no label', got=repr(line[:60]), accepted='class,start,end,confidence', where=where
            )
        action = Action(*(int(value) for value in label.groups()))
        if not 1 <= action.number <= num_classes:
            raise DataError(
                'class is out of range', got=action.number, accepted=f'1..{num_classes}', where=where
            )
        if action in actions:
            raise DataError(
                'label stands in the file twice', got=f'lines {actions[action]} and {number}', where=where
            )
        actions[action] = number
    if not actions:
        raise DataError('label file is empty', where=source.name)
    return sorted(actions, key=lambda action: action.start)


def _cut(
    source: Recording, frames: NDArray[np.float32], action: Action, columns: dict[str, int | str]
) -> Sequence:
    taken = frames[action.start : action.end]
    flaw = ''
    if action.end <= action.start:
        flaw = f'labelled interval ends before it starts: frames {action.start} to {action.end}'
    elif not len(taken):
        flaw = f'labelled interval lies beyond the recording: frame {action.start} of {len(frames)}'
    return Sequence(
        f'{source.stem}-{action.start:05d}-{action.end:05d}-A{action.number:02d}',
        action.number - 1,
        taken,
        dict(
            **columns,
            confidence=action.confidence,
            empty_frames=int((~taken.any(axis=(1, 2, 3))).sum()),
            missing_frames=max(action.end - len(frames), 0),
        ),
        flaw,
    )


def _read_list(file: Source) -> dict[str, str]:
    """Recording -> 'train' or 'test'."""
    lines = file.read_bytes().decode('utf-8', errors='replace').splitlines()
    if len(lines) <= max(_LIST_LINES.values()):
        raise DataError(
            'split list breaks off',
            got=f'{len(lines)} lines',
            accepted='4: a title, the training recordings, a title, the test recordings',
            where=file.name,
        )
    named = {
        subset: {name.strip() for name in lines[line].split(',')} - {''}
        for subset, line in _LIST_LINES.items()
    }
    if both := sorted(named['train'] & named['test']):
        raise DataError('recordings stand in both subsets', got=', '.join(both[:5]), where=file.name)
    return {name: subset for subset, names in named.items() for name in names}


def _is_label(file: Source) -> bool:
    """Whether the innermost folder or zip that says anything about it says label, not skeleton."""
    folders = '/'.join(PurePosixPath(file.name.lower()).parts[:-1])
    return folders.rfind('label') > folders.rfind('skelet')


def _is_readme(file: Source) -> bool:
    return file.stem.lower().startswith('readme')


def _stamp(file: Source, label: Source | None, subsets: dict[str, dict[str, str]]) -> str:
    """Changes with the recording, its labels and its subsets."""
    listed = [subsets[column].get(file.stem, '') for column in sorted(subsets)]
    return ' '.join([file.stamp, label.stamp if label else 'unlabelled', *listed])
