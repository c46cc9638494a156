"""Pickles of PYSKL and MMAction2: annotations of all sequences and named lists of them."""

from __future__ import annotations

from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import DataError
from ...registry import READERS
from ..ntu_names import describe_name
from ..safe_files import read_pickle
from .base import Reader, Sequence, Source, list_sources

SCORE = 'score'
_FIELDS = ('frame_dir', 'label', 'keypoint', 'total_frames')


@READERS.register_module()
class PYSKLReader(Reader):
    """Reads `ntu60_3danno.pkl` and its kin, loose, in a folder or in a zip; nothing in it is executed.

    The pickle is a dict of `split`, name -> list of `frame_dir`, and `annotations`, dicts with
    `frame_dir`, `label` (0-based), `keypoint` (M, T, V, C) and `total_frames`. Each list becomes a
    column of the index under its name, 1 for its members and 0 for all others, so that a card's rule is
    `{xsub_train: 1}`. Subject, camera and setup are those of an NTU name, else -1.

    Where the card's last channel is `score`, it is taken from `keypoint_score` (M, T, V); coordinates
    stay as they are stored (pixels, in 2D).
    """

    def sources(self, path: Path) -> list[Source]:
        return list_sources(path, '.pkl')

    def read(self, source: Source) -> list[Sequence]:
        content = _load(source)
        annotations, splits = content['annotations'], content['split']
        lists = {_column(name, source): _members(name, names, source) for name, names in splits.items()}
        sequences: list[Sequence] = []
        for number, annotation in enumerate(annotations):
            where = f'{source.name}, annotations[{number}]'
            name = _checked_name(annotation, where)
            columns: dict[str, int | str] = {
                **describe_name(name),
                **{column: int(name in members) for column, members in lists.items()},
            }
            sequences.append(self._sequence(annotation, name, columns, f'{where} ({name})'))
        _check_members(lists, {sequence.name for sequence in sequences}, source)
        return sequences

    def _sequence(
        self, annotation: Mapping[str, Any], name: str, columns: Mapping[str, int | str], where: str
    ) -> Sequence:
        """One annotation; what is wrong with it alone is its flaw, so that the others can be read."""
        try:
            return Sequence(name, _label(annotation, where), self._frames(annotation, where), columns)
        except DataError as error:
            flaw = '; '.join(line.strip() for line in str(error).splitlines())
            return Sequence(name, -1, np.zeros((0, 0, 0, 0), dtype=np.float32), columns, flaw)

    def _frames(self, annotation: Mapping[str, Any], where: str) -> NDArray[np.float32]:
        """(T, M, V, C) of one annotation."""
        points = _array(annotation['keypoint'], 4, 'keypoint', where)
        if self.card.channels[-1] == SCORE:
            if 'keypoint_score' not in annotation:
                raise DataError('annotation has no keypoint_score', accepted='(M, T, V)', where=where)
            score = _array(annotation['keypoint_score'], 3, 'keypoint_score', where)
            if score.shape != points.shape[:3]:
                raise DataError(
                    'keypoint_score does not fit keypoint',
                    got=score.shape,
                    accepted=points.shape[:3],
                    where=where,
                )
            points = np.concatenate([points, score[..., None]], axis=-1)
        if points.shape[-1] != len(self.card.channels):
            raise DataError(
                'keypoints have another number of channels than the card',
                got=f'keypoint {points.shape}',
                accepted=f'{len(self.card.channels)} ({", ".join(self.card.channels)})',
                where=where,
                fix='2D keypoints need a card with the channels [x, y, score]',
            )
        if annotation['total_frames'] != points.shape[1]:
            raise DataError(
                'total_frames contradicts keypoint',
                got=annotation['total_frames'],
                accepted=points.shape[1],
                where=where,
            )
        return np.ascontiguousarray(points.transpose(1, 0, 2, 3))


def _load(source: Source) -> dict[str, Any]:
    if source.member:
        content = read_pickle(BytesIO(source.read_bytes()), source.name)
    else:
        with open(source.path, 'rb') as file:
            content = read_pickle(file, source.name)
    if (
        not isinstance(content, dict)
        or not isinstance(content.get('annotations'), list)
        or not isinstance(content.get('split'), dict)
    ):
        keys = list(content)[:5] if isinstance(content, dict) else type(content).__name__
        raise DataError(
            'pickle is no annotation file',
            got=keys,
            accepted="a dict with 'split' (a dict of lists) and 'annotations' (a list of dicts)",
            where=source.name,
        )
    return content


def _column(name: Any, source: Source) -> str:
    """A list's name, unless the index has such a column already."""
    taken = {'name', 'label', 'offset', 'length', 'bodies', 'digest', *describe_name('')}
    if not isinstance(name, str) or name in taken:
        raise DataError(
            'split list has a name that the index uses otherwise',
            got=repr(name),
            accepted=f'none of {", ".join(sorted(taken))}',
            where=f'{source.name}, split',
        )
    return name


def _members(name: str, members: Any, source: Source) -> frozenset[str]:
    if not isinstance(members, list | tuple) or not all(isinstance(member, str) for member in members):
        raise DataError('split is no list of names', where=f'{source.name}, split[{name!r}]')
    return frozenset(members)


def _check_members(lists: Mapping[str, frozenset[str]], names: set[str], source: Source) -> None:
    for column, members in lists.items():
        absent = sorted(members - names)
        if absent:
            raise DataError(
                f'split names {len(absent)} sequences that have no annotation',
                got=', '.join(absent[:5]),
                where=f'{source.name}, split[{column!r}]',
            )


def _checked_name(annotation: Any, where: str) -> str:
    lacking = [key for key in _FIELDS if not isinstance(annotation, dict) or key not in annotation]
    if lacking:
        raise DataError('annotation lacks a field', got=f'no {", ".join(lacking)}', where=where)
    if not isinstance(annotation['frame_dir'], str):
        raise DataError('frame_dir is no name', got=repr(annotation['frame_dir'])[:60], where=where)
    return annotation['frame_dir']


def _label(annotation: Mapping[str, Any], where: str) -> int:
    label = annotation['label']
    if isinstance(label, bool) or not isinstance(label, int | np.integer):
        raise DataError('label is no whole number', got=repr(label)[:60], where=where)
    return int(label)


def _array(value: Any, axes: int, field: str, where: str) -> NDArray[np.float32]:
    if not isinstance(value, np.ndarray) or value.ndim != axes or value.dtype.kind not in 'fiu':
        got = f'{value.dtype} {value.shape}' if isinstance(value, np.ndarray) else type(value).__name__
        accepted = f'an array of numbers ({", ".join("MTVC"[:axes])})'
        raise DataError(f'{field} has the wrong form', got=got, accepted=accepted, where=where)
    return value.astype(np.float32)
