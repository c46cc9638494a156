"""One sequence in a file that anybody can write: a numpy array, nested JSON lists, or a table."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import DataError, closest
from ...graphs import get_layout
from ..cards import DatasetCard
from ..safe_files import read_arrays

SUFFIXES = ('.npy', '.npz', '.csv', '.json')
#: Name of the array in a .npz file with several, and of the field in a .json file that is an object.
FIELD = 'skeleton'

Frames = NDArray[np.float32]


def read_frames(content: bytes, card: DatasetCard, where: str) -> Frames:
    """(T, M, V, C) of one file; .csv as in `read_frame_table`, else (T, V, C) or (T, M, V, C).

    Args:
        content: Of the file.
        card: Tells joints and channels.
        where: The file's name: its suffix tells the format, and messages show it.

    Raises:
        DataError: If it is damaged, holds no numbers, or has another number of joints or channels.
    """
    suffix = Path(where).suffix
    if suffix == '.csv':
        return read_frame_table(content, card, where)
    array = _from_json(content, where) if suffix == '.json' else _from_numpy(content, where)
    v, c = get_layout(card.layout).num_joints, len(card.channels)
    if array.ndim not in (3, 4) or array.shape[-2:] != (v, c):
        raise DataError(
            'sequence has the wrong shape',
            got=array.shape,
            accepted=f'(T, {v}, {c}) or (T, M, {v}, {c}): the joints of layout {card.layout_name} and the '
            f'channels {", ".join(card.channels)}',
            where=where,
        )
    with np.errstate(over='ignore'):  # what float32 cannot hold becomes infinite and is refused as such
        return (array if array.ndim == 4 else array[:, None]).astype(np.float32)


def read_table(content: bytes, where: str) -> list[list[str]]:
    """Cells of a CSV with a header, blanks around them and blank lines left out.

    Raises:
        DataError: If it is no text, a line has more or fewer cells than the header, or names stand twice.
    """
    try:
        text = content.decode('utf-8-sig')  # spreadsheets put a byte order mark before it
    except UnicodeDecodeError as error:
        raise DataError('file is no UTF-8 text', got=str(error), where=where) from error
    rows: list[list[str]] = []
    reader = csv.reader(io.StringIO(text, newline=''))
    for cells in reader:
        if not cells:
            continue
        rows.append([cell.strip() for cell in cells])
        if len(cells) != len(rows[0]):
            raise DataError(
                'line has another number of cells than the header',
                got=len(cells),
                accepted=len(rows[0]),
                where=f'{where}, line {reader.line_num}',
            )
    if not rows:
        raise DataError('file is empty', where=where)
    twice = sorted({name for name in rows[0] if rows[0].count(name) > 1})
    if twice:
        raise DataError('columns stand twice', got=', '.join(twice), where=f'{where}, line 1')
    return rows


def read_frame_table(content: bytes, card: DatasetCard, where: str) -> Frames:
    """(T, M, V, C) of a CSV with a column `<joint>_<channel>` for each joint and channel, in any order.

    Without the columns `frame` and `body`, each row is a frame of one body. With them, both counted from
    0, a body is absent (zeros) from a frame in which it has no row.

    Raises:
        DataError: If a column is missing or unknown, a cell is no number, frames are not counted without
            gaps, or two rows are of one frame and body.
    """
    header, *lines = read_table(content, where)
    joints = get_layout(card.layout).joints
    wanted = [f'{joint}_{channel}' for joint in joints for channel in card.channels]
    _check_header(header, wanted, where)
    if not lines:
        raise DataError('sequence is empty', got='a header only', where=where)
    table = np.array([_numbers(line, header, number, where) for number, line in enumerate(lines, start=1)])
    points = table[:, [header.index(name) for name in wanted]].reshape(len(lines), len(joints), -1)
    rows = np.arange(len(lines))
    frame = _whole(table[:, header.index('frame')], 'frame', where) if 'frame' in header else rows
    body = _whole(table[:, header.index('body')], 'body', where) if 'body' in header else np.zeros_like(rows)
    _check_places(frame, body, card, where)
    frames = np.zeros((frame.max() + 1, body.max() + 1, *points.shape[1:]), dtype=np.float32)
    with np.errstate(over='ignore'):
        frames[frame, body] = points
    return frames


def _from_numpy(content: bytes, where: str) -> NDArray[Any]:
    arrays = read_arrays(content, where)
    if len(arrays) != 1 and FIELD not in arrays:
        got = ', '.join(arrays) or 'none'
        raise DataError('file holds several arrays', got=got, accepted=f"one, or '{FIELD}'", where=where)
    array = arrays[FIELD] if FIELD in arrays else next(iter(arrays.values()))
    if array.dtype.kind not in 'fiu':
        raise DataError('array holds no numbers', got=array.dtype, where=where)
    return array


def _from_json(content: bytes, where: str) -> NDArray[np.float64]:
    try:
        value = json.loads(content)
    except json.JSONDecodeError as error:
        place = f'{where}, line {error.lineno}, column {error.colno}'
        raise DataError('file is truncated or no JSON', got=error.msg, where=place) from error
    except (UnicodeDecodeError, RecursionError) as error:
        raise DataError('file is no such JSON', got=str(error), where=where) from error
    if isinstance(value, dict):
        if FIELD not in value:
            raise DataError(f"object has no field '{FIELD}'", got=', '.join(value), where=where)
        value = value[FIELD]
    _check_nested(value, _lengths(value), where)
    try:
        return np.array(value, dtype=np.float64)
    except OverflowError as error:
        raise DataError('number is too great', got=str(error), where=where) from error


def _lengths(value: Any) -> tuple[int, ...]:
    """Along the first entries of nested lists."""
    lengths: list[int] = []
    while isinstance(value, list):
        lengths.append(len(value))
        value = value[0] if value else None
    return tuple(lengths)


def _check_nested(value: Any, lengths: tuple[int, ...], where: str) -> None:
    """The same lengths everywhere, and numbers in the end; the first entry that differs is named."""
    if not lengths:
        if type(value) not in (int, float):
            raise DataError('entry is no number', got=repr(value)[:40], where=where)
        return
    if not isinstance(value, list) or len(value) != lengths[0]:
        got = f'{len(value)} entries' if isinstance(value, list) else repr(value)[:40]
        raise DataError('lists differ in length', got=got, accepted=f'{lengths[0]} entries', where=where)
    for i, entry in enumerate(value):
        _check_nested(entry, lengths[1:], f'{where}[{i}]')


def _check_header(header: list[str], wanted: list[str], where: str) -> None:
    unknown = [name for name in header if name not in (*wanted, 'frame', 'body')]
    lacking = [name for name in wanted if name not in header]
    if unknown:
        raise DataError(
            f"table has an unknown column '{unknown[0]}'",
            accepted=f'frame, body and <joint>_<channel>. {closest(unknown[0], wanted)}',
            where=f'{where}, line 1',
        )
    if lacking:
        got = f'{len(lacking)} columns missing: {", ".join(lacking[:5])}'
        raise DataError('table lacks a joint', got=got, where=f'{where}, line 1')


def _numbers(cells: list[str], header: list[str], row: int, where: str) -> list[float]:
    numbers: list[float] = []
    for cell, column in zip(cells, header, strict=True):
        try:
            numbers.append(float(cell))
        except ValueError:
            place = f'{where}, row {row}, column {column}'
            raise DataError('cell is no number', got=repr(cell), where=place) from None
    return numbers


def _whole(values: NDArray[np.float64], column: str, where: str) -> NDArray[np.int64]:
    is_whole = np.isfinite(values) & (values >= 0) & (values < 2**31) & (values == np.floor(values))
    if not is_whole.all():
        got = values[~is_whole][0]
        raise DataError(f'column {column} holds no count', got=got, accepted='0, 1, 2, ...', where=where)
    return values.astype(np.int64)


def _check_places(
    frame: NDArray[np.int64], body: NDArray[np.int64], card: DatasetCard, where: str
) -> None:
    present = np.unique(frame)
    gaps = np.flatnonzero(present != np.arange(len(present)))
    if len(gaps):
        raise DataError('frames are not counted from 0 without gaps', got=f'no frame {gaps[0]}', where=where)
    if body.max() >= card.max_bodies:
        accepted = f'0..{card.max_bodies - 1}'
        raise DataError('body is out of range', got=body.max(), accepted=accepted, where=where)
    places, counts = np.unique(np.stack([frame, body]), axis=1, return_counts=True)
    if (counts > 1).any():
        t, m = places[:, counts > 1][:, 0]
        raise DataError('two rows are of one frame and body', got=f'frame {t}, body {m}', where=where)
