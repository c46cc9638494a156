"""Recordings of one's own: a folder of files, one a sequence, and an index.csv that says what they are."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ...errors import DataError, closest, some
from ...registry import READERS
from ..cards import DatasetCard
from .base import Reader, Sequence, Source, stamp
from .frame_files import SUFFIXES, read_frames, read_table

INDEX = 'index.csv'
#: Columns that every archive has; -1 where index.csv says nothing.
_USUAL = ('subject', 'camera', 'setup')
#: Columns that the archive makes itself.
_TAKEN = ('name', 'offset', 'length', 'bodies', 'digest')


@dataclass(frozen=True)
class IndexedSource(Source):
    """A file and what its row of the index says.

    Attributes:
        label: 0-based class, -1 unknown.
        columns: Further columns as (name, value).
    """

    label: int
    columns: tuple[tuple[str, int | str], ...]


@READERS.register_module()
class FolderReader(Reader):
    """Reads a folder of .npy, .npz, .csv and .json files and its `index.csv`.

    The index has a row per file and the columns `file` (path within the folder) and `label` (0-based
    number, or one of the card's class names; empty where it is unknown). All its other columns, `subject`
    and `camera` say, go to the archive, where a card's splits can name them; a column of whole numbers
    alone is one of numbers.

    .npy, .npz and .json hold frames as (T, V, C) or, for several bodies, (T, M, V, C). A .csv has a row
    per frame, or per frame and body with the columns `frame` and `body` (both counted from 0), and a
    column `<joint>_<channel>` for each joint of the layout and each channel of the card, in any order.
    """

    def sources(self, path: Path) -> list[Source]:
        if not (path / INDEX).is_file():
            raise DataError(f'source has no {INDEX}', got=path, accepted='a folder of files that it lists')
        rows = _read_index(path / INDEX)
        _check_files(path, [row['file'] for row in rows])
        kinds = {column: _kind([row[column] for row in rows]) for column in rows[0]}
        sources: list[Source] = []
        for number, row in enumerate(rows, start=1):
            label = _label(row['label'], self.card, where=f'{INDEX}, row {number} ({row["file"]})')
            columns = {column: kinds[column](text) for column, text in row.items()}
            own = {column: columns.get(column, -1) for column in _USUAL}
            own |= {column: columns[column] for column in columns if column not in ('file', 'label')}
            file = path / row['file']
            facts = f'{stamp(file)} {json.dumps([label, own])}'
            sources.append(IndexedSource(row['file'], str(file), '', facts, label, tuple(own.items())))
        return sources

    def read(self, source: Source) -> list[Sequence]:
        if not isinstance(source, IndexedSource):
            raise TypeError(f'this reader made no {source}')
        frames = read_frames(source.read_bytes(), self.card, source.name)
        return [Sequence(_name(source.name), source.label, frames, dict(source.columns))]


def _read_index(path: Path) -> list[dict[str, str]]:
    """Rows with their surrounding blanks removed; spreadsheets like to add them, and a byte order mark."""
    header, *lines = read_table(path.read_bytes(), INDEX)
    lacking = [column for column in ('file', 'label') if column not in header]
    taken = [column for column in header if column in _TAKEN]
    if lacking or taken:
        raise DataError(
            f'index lacks {" and ".join(lacking)}' if lacking else 'index has a column of the archive',
            got=', '.join(header),
            accepted=f'file, label and any columns of your own but {", ".join(_TAKEN)}',
            where=f'{INDEX}, line 1',
        )
    if not lines:
        raise DataError('index lists no file', where=str(path))
    return [dict(zip(header, line, strict=True)) for line in lines]


def _check_files(path: Path, listed: list[str]) -> None:
    """Rows and files are one to one, and no two sequences have one name."""
    found = {
        file.relative_to(path).as_posix()
        for file in path.rglob('*')
        if file.suffix in SUFFIXES and file != path / INDEX
    }
    rows = Counter(listed)
    names = Counter(_name(file) for file in rows)
    _refuse(path, 'index lists files twice', [f for f in rows if rows[f] > 1], 'keep one row for each file')
    _refuse(
        path,
        'index lists files that are not there',
        sorted(rows.keys() - found),
        f'mend the column file; {", ".join(SUFFIXES)} are read',
    )
    _refuse(
        path,
        'folder holds files that the index does not list',
        sorted(found - rows.keys()),
        'add rows for them, or move them elsewhere',
    )
    _refuse(
        path,
        'files differ in their suffix alone, and a sequence is named without it',
        [file for file in rows if names[_name(file)] > 1],
        'rename one of them',
    )


def _refuse(path: Path, what: str, files: list[str], fix: str) -> None:
    if files:
        raise DataError(what, got=some(files), where=str(path / INDEX), fix=fix)


def _name(file: str) -> str:
    return Path(file).with_suffix('').as_posix()


def _kind(values: list[str]) -> Callable[[str], int | str]:
    """How a column's cells are read: as whole numbers, -1 for an empty one, or as text."""
    return _whole_or_unknown if all(_is_whole(value) for value in values if value) else str


def _whole_or_unknown(text: str) -> int:
    return int(text) if text else -1


def _is_whole(text: str) -> bool:
    return text.removeprefix('-').isascii() and text.removeprefix('-').isdigit()


def _label(text: str, card: DatasetCard, where: str) -> int:
    if not text:
        return -1
    named = {card.class_names.index(text)} if text in card.class_names else set()
    numbered = {int(text)} if _is_whole(text) and 0 <= int(text) < card.num_classes else set()
    if len(named | numbered) == 1:
        return (named | numbered).pop()
    if named:
        raise DataError(
            'label is the name of one class and the number of another',
            got=f"'{text}', the name of class {named.pop()}",
            accepted='names that are no numbers, or those of 0, 1, 2, ...',
            where=where,
            fix="rename the classes in the card, to 'class 1' say, and in the index",
        )
    raise DataError(
        'label is neither a class nor its number',
        got=repr(text),
        accepted=f'0..{card.num_classes - 1}, empty for unknown'
        + (f', or a name. {closest(text, card.class_names)}' if card.class_names else ''),
        where=where,
    )
