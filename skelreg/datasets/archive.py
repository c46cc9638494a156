"""The skeleton archive: one copy of a dataset, whatever its splits.

A folder of three files. `frames.npy` holds all sequences end to end, (F, M, V, C) float32, and is
memory-mapped; `index.csv` has a row per sequence; `meta.json` says what the numbers mean and holds
the checksum of the index, which in turn holds a digest of every sequence's frames.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import DataError
from ..graphs import SkeletonLayout, get_layout

FORMAT = 1
FRAMES, INDEX, META = 'frames.npy', 'index.csv', 'meta.json'
REQUIRED_COLUMNS = ('name', 'label', 'offset', 'length', 'bodies')
REQUIRED_META = ('layout', 'channels', 'num_classes')

Index = dict[str, NDArray[Any]]


class SkeletonArchive:
    """Sequences of one dataset, in memory or memory-mapped.

    Args:
        frames: (F, M, V, C) float32, all sequences end to end; an absent body is all zeros.
        index: One array of length S per column: name (unique), label (0-based, -1 unknown), offset
            and length (in frames), bodies (1..M), and whatever splits need (subject, camera, view,
            setup). `digest` (SHA-1 of a sequence's frames) is added if absent.
        meta: layout, channels, num_classes; optional class_names, dataset, synthetic (bool), joints (names
            in the order of the V axis, which are held against the layout's), ...

    Raises:
        DataError: If frames, index and meta do not agree.
    """

    def __init__(
        self, frames: NDArray[np.float32], index: Mapping[str, Any], meta: Mapping[str, Any]
    ) -> None:
        self.frames = frames
        self.index: Index = {name: np.asarray(column) for name, column in index.items()}
        self.meta = dict(meta)
        self.path: Path | None = None
        check_agreement(self.frames, self.index, self.meta, where='archive in memory')
        if 'digest' not in self.index:
            self.index['digest'] = np.array([digest(self.sequence(i)) for i in range(len(self))])

    @classmethod
    def open(cls, path: str | Path) -> SkeletonArchive:
        """Open an archive folder without reading its frames.

        Raises:
            DataError: If a file is missing, damaged, or disagrees with the others.
        """
        path = Path(path)
        missing = [name for name in (FRAMES, INDEX, META) if not (path / name).is_file()]
        if missing:
            raise DataError(
                'skeleton archive is incomplete' if path.exists() else 'skeleton archive not found',
                got=f'no {", no ".join(missing)} in {path}',
                accepted=f'a folder with {FRAMES}, {INDEX} and {META}',
                fix='prepare it with tools/prepare_data.py',
            )
        archive = cls.__new__(cls)
        archive.path = path.resolve()
        archive.meta = _read_meta(path / META)
        archive.index = _read_index(path / INDEX, archive.meta)
        archive.frames = _map_frames(path / FRAMES)
        check_agreement(archive.frames, archive.index, archive.meta, where=str(path))
        return archive

    def __len__(self) -> int:
        return len(self.index['name'])

    @property
    def layout(self) -> SkeletonLayout:
        """Joints and edges of the skeletons."""
        return get_layout(self.meta['layout'])

    @property
    def channels(self) -> tuple[str, ...]:
        """Names of the C axis, ('x', 'y', 'z') say."""
        return tuple(self.meta['channels'])

    @property
    def max_bodies(self) -> int:
        """M of the frames."""
        return int(self.frames.shape[1])

    @property
    def num_classes(self) -> int:
        """Labels are 0 .. num_classes - 1."""
        return int(self.meta['num_classes'])

    @property
    def classes(self) -> NDArray[np.int64]:
        """Those that sequences are of, ascending."""
        labels = self.index['label'].astype(np.int64)
        return np.unique(labels[labels >= 0])

    @property
    def is_synthetic(self) -> bool:
        """Whether the sequences were generated rather than recorded."""
        return bool(self.meta.get('synthetic', False))

    @property
    def checksum(self) -> str:
        """SHA-256 that changes with any label, column, frame, or with the layout."""
        facts = json.dumps([self.meta[key] for key in REQUIRED_META], sort_keys=True)
        return hashlib.sha256(index_bytes(self.index) + facts.encode()).hexdigest()

    def sequence(self, i: int) -> NDArray[np.float32]:
        """Frames of sequence i, (T, M, V, C), a view that must not be written to."""
        offset = int(self.index['offset'][i])
        return self.frames[offset : offset + int(self.index['length'][i])]

    def verify(self) -> None:
        """Read all frames and compare every sequence with its digest.

        Raises:
            DataError: Naming the first sequences that were altered.
        """
        altered = [
            str(self.index['name'][i])
            for i in range(len(self))
            if digest(self.sequence(i)) != self.index['digest'][i]
        ]
        if altered:
            raise DataError(
                f'{len(altered)} sequences are not what the index says',
                got=', '.join(altered[:5]),
                where=str(self.path or 'archive in memory'),
                fix='prepare the archive again',
            )

    def __getstate__(self) -> dict[str, Any]:
        """A memory-mapped archive travels to workers without its frames."""
        state = dict(self.__dict__)
        if self.path is not None:
            del state['frames']
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        if self.path is not None:
            self.frames = _map_frames(self.path / FRAMES)


def check_agreement(frames: NDArray[Any], index: Index, meta: Mapping[str, Any], where: str) -> None:
    """Refuse frames, index and meta that contradict each other; frames are not read.

    Raises:
        DataError: Naming the first contradiction.
    """
    lacking = [key for key in REQUIRED_META if key not in meta]
    lacking += [name for name in REQUIRED_COLUMNS if name not in index]
    if lacking:
        raise DataError(f'archive lacks {", ".join(lacking)}', where=where)
    if frames.ndim != 4 or frames.dtype != np.float32:
        raise DataError(
            'frames have the wrong form',
            got=f'{frames.dtype} {frames.shape}',
            accepted='float32 (F, M, V, C)',
            where=where,
        )
    layout = get_layout(meta['layout'])
    if frames.shape[2:] != (layout.num_joints, len(meta['channels'])):
        raise DataError(
            'frames do not fit the layout',
            got=f'V, C = {frames.shape[2:]}',
            accepted=f'({layout.num_joints}, {len(meta["channels"])}) for layout {layout.name}',
            where=where,
        )
    named = meta.get('joints')
    pairs = zip(named, layout.joints, strict=False) if isinstance(named, list) else ()
    if moved := [f'{there} in the place of {here}' for there, here in pairs if there != here]:
        raise DataError(
            'archive was made with other joints than the layout has now',
            got=', '.join(moved[:5]),
            accepted=f'the joints of layout {layout.name} in their order',
            where=where,
            fix='mend the layout, or prepare the archive again',
        )
    columns = {name: len(column) for name, column in index.items()}
    if len(set(columns.values())) > 1:
        raise DataError('columns of the index differ in length', got=columns, where=where)
    if len(index['name']) == 0:
        raise DataError('archive holds no sequence', where=where)
    _check_rows(frames.shape, index, meta, where)


def _check_rows(shape: tuple[int, ...], index: Index, meta: Mapping[str, Any], where: str) -> None:
    names, counts = np.unique(index['name'], return_counts=True)
    if (counts > 1).any():
        raise DataError('names are not unique', got=', '.join(map(str, names[counts > 1][:5])), where=where)
    ends = np.cumsum(index['length'])
    starts = np.concatenate([[0], ends[:-1]])
    accepted = {
        'length': (index['length'] >= 1, 'at least 1'),
        'offset': (index['offset'] == starts, 'sequences end to end'),
        'bodies': ((index['bodies'] >= 1) & (index['bodies'] <= shape[1]), f'1..{shape[1]}'),
        'label': (
            (index['label'] >= -1) & (index['label'] < meta['num_classes']),
            f'-1..{meta["num_classes"] - 1}',
        ),
    }
    for column, (good, words) in accepted.items():
        if not good.all():
            row = int(np.flatnonzero(~good)[0])
            raise DataError(
                f"{column} of sequence '{index['name'][row]}' is out of range",
                got=index[column][row],
                accepted=words,
                where=f'{where}, index row {row + 1}',
            )
    if ends[-1] != shape[0]:
        raise DataError(
            'index and frames disagree', got=f'{ends[-1]} frames in the index, {shape[0]} stored', where=where
        )


def digest(frames: NDArray[np.float32]) -> str:
    """SHA-1 of a sequence's frames; identical sequences share it."""
    return hashlib.sha1(
        np.ascontiguousarray(frames, dtype='<f4').tobytes(), usedforsecurity=False
    ).hexdigest()


def count_bodies(frames: NDArray[np.float32]) -> int:
    """Number of bodies up to the last one that is not all zeros; frames (T, M, V, C)."""
    present = np.flatnonzero(frames.any(axis=(0, 2, 3)))
    return int(present[-1]) + 1 if len(present) else 0


def index_bytes(index: Mapping[str, Sequence[Any] | NDArray[Any]]) -> bytes:
    """The index as CSV."""
    text = io.StringIO(newline='')
    writer = csv.writer(text, lineterminator='\n')
    writer.writerow(index)
    writer.writerows(zip(*index.values(), strict=True))
    return text.getvalue().encode()


def _read_meta(path: Path) -> dict[str, Any]:
    try:
        meta = json.loads(path.read_text(encoding='utf-8'))
    except ValueError as error:
        raise DataError('archive description is damaged', got=str(error), where=str(path)) from error
    if not isinstance(meta, dict) or meta.get('format') != FORMAT:
        raise DataError(
            'archive has another format',
            got=meta.get('format') if isinstance(meta, dict) else type(meta).__name__,
            accepted=FORMAT,
            where=str(path),
            fix='prepare it again with this version of skelreg',
        )
    return meta


def _read_index(path: Path, meta: Mapping[str, Any]) -> Index:
    content = path.read_bytes()
    expected = meta.get('checksums', {}).get(INDEX)
    if hashlib.sha256(content).hexdigest() != expected:
        raise DataError(
            'index does not fit the archive',
            got='another checksum than meta.json states',
            where=str(path),
            fix='prepare the archive again; it may not be edited by hand',
        )
    header, *rows = csv.reader(io.StringIO(content.decode(), newline=''))
    kinds = {name: np.int64 if kind == 'int' else np.str_ for name, kind in meta['columns'].items()}
    return {name: np.array([row[i] for row in rows], dtype=kinds[name]) for i, name in enumerate(header)}


def _map_frames(path: Path) -> NDArray[np.float32]:
    try:
        frames: np.memmap[Any, Any] = np.lib.format.open_memmap(path, mode='r')
    except (ValueError, EOFError) as error:
        raise DataError(
            'frames are truncated or damaged',
            got=str(error),
            where=str(path),
            fix='prepare the archive again',
        ) from error
    surplus = path.stat().st_size - frames.offset - frames.nbytes
    if surplus:
        raise DataError('frames are longer than they say', got=f'{surplus} bytes too many', where=str(path))
    return frames
