"""The arrays that the releases of HiCLR, AimCLR, SkeletonCLR and ST-GCN train on, with their labels."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...errors import DataError
from ...graphs import get_layout
from ...registry import READERS
from ..ntu_names import describe_name
from ..safe_files import map_npy, read_pickle
from .base import Reader, Sequence, Source, stamp

SUBSETS = ('train', 'val')
#: Ending of a data file -> whether its sequences are padded with zeros to a common length.
ENDINGS = {'_position.npy': False, '_data_joint.npy': True}


@dataclass(frozen=True)
class ArraySource(Source):
    """An array of sequences with the files that name them.

    Attributes:
        labels: The pickle with its names and labels.
        lists: Column -> pickle that names the members of a subset of a split, this one's among them.
    """

    labels: Path
    lists: tuple[tuple[str, Path], ...]


@READERS.register_module()
class HiCLRReader(Reader):
    """Reads `<split>/{train,val}_position.npy` or `<split>/{train,val}_data_joint.npy`, (N, C, T, V, M).

    The source is a split's folder (`xsub`), or one above it; `{train,val}_label.pkl`, a pickle of
    (names, labels), lies beside the data or in a folder of the split's name elsewhere in the source.
    Nothing in the pickles is executed.

    Frames are read from the first split, since all splits hold the same sequences; `<split>_train` and
    `<split>_val` of each split become columns, 1 for the members and 0 for the others. `position` arrays
    have been resampled to their length and are kept as they are; sequences of `data_joint` arrays are
    padded and end with their last frame that is not all zeros. Subject, camera and setup are those of an
    NTU name, else -1.
    """

    def sources(self, path: Path) -> list[Source]:
        path = path.resolve()
        data = _find(path, tuple(ENDINGS))
        if not data:
            raise DataError(
                'source holds no array of sequences',
                got=path,
                accepted=f'a folder with <split>/{{train,val}}{" or ".join(ENDINGS)}',
            )
        split = min(file.parent.name for file in data)
        lists = tuple(_lists(path, sorted({file.parent.name for file in data})))
        sources: list[Source] = []
        for subset in SUBSETS:
            found = [f for f in data if f.parent.name == split and f.name.startswith(f'{subset}_')]
            if len(found) > 1:
                raise DataError(
                    f'two files hold the sequences of {split}/{subset}',
                    got=', '.join(str(file.relative_to(path)) for file in found),
                    where=str(path),
                    fix='give a source with one of them, and lay copies of the label files beside it',
                )
            for file in found:
                sources.append(_source(file, path, _labels(path, file, subset), lists))
        return sources

    def read(self, source: Source) -> list[Sequence]:
        if not isinstance(source, ArraySource):
            raise TypeError(f'this reader made no {source}')
        names, labels = _load_labels(source.labels)
        array = self._map(source, len(names))
        members = {column: frozenset(_load_labels(file)[0]) for column, file in source.lists}
        _check_lists(members, source)
        is_padded = next(padded for ending, padded in ENDINGS.items() if source.path.endswith(ending))
        return [
            Sequence(
                name,
                label,
                _frames(array[i], is_padded),
                {**describe_name(name), **{column: int(name in those) for column, those in members.items()}},
            )
            for i, (name, label) in enumerate(zip(names, labels, strict=True))
        ]

    def _map(self, source: ArraySource, count: int) -> NDArray[np.floating]:
        array = map_npy(Path(source.path), source.name)
        joints, channels = get_layout(self.card.layout).num_joints, len(self.card.channels)
        expected = (channels, joints)
        if array.ndim != 5 or (array.shape[1], array.shape[3]) != expected or array.dtype.kind != 'f':
            raise DataError(
                'array has the wrong form',
                got=f'{array.dtype} {array.shape}',
                accepted=f'floating-point (N, {channels}, T, {joints}, M)',
                where=source.name,
            )
        if len(array) != count:
            raise DataError(
                'array and label file differ in their number of sequences',
                got=f'{len(array)} sequences, {count} labels',
                where=f'{source.name}, {source.labels}',
            )
        return array


def _find(path: Path, endings: tuple[str, ...]) -> list[Path]:
    """Files of a subset with one of these endings, sorted."""
    wanted = {f'{subset}{ending}' for subset in SUBSETS for ending in endings}
    return sorted(file for file in path.rglob('*') if file.name in wanted and file.is_file())


def _labels(path: Path, data: Path, subset: str) -> Path:
    """The label file beside the data, else the only one of its split."""
    beside = data.with_name(f'{subset}_label.pkl')
    if beside.is_file():
        return beside
    found = _label_files(path, data.parent.name, subset)
    if len(found) != 1:
        raise DataError(
            'data has no label file' if not found else 'data has several label files',
            got=', '.join(map(str, found)) or None,
            accepted=f'{beside.name} beside it, or one in another folder {data.parent.name} of the source',
            where=str(data),
            fix='copy the file beside it, or give the folder above both as the source',
        )
    return found[0]


def _label_files(path: Path, split: str, subset: str) -> list[Path]:
    return [
        file
        for file in _find(path, ('_label.pkl',))
        if (file.parent.name, file.name) == (split, f'{subset}_label.pkl')
    ]


def _lists(path: Path, splits: list[str]) -> Iterator[tuple[str, Path]]:
    """Column and label file of every subset; copies of a label file say the same, the first one is taken."""
    for split in splits:
        for subset in SUBSETS:
            for file in _label_files(path, split, subset)[:1]:
                yield f'{split}_{subset}', file


def _source(file: Path, path: Path, labels: Path, lists: tuple[tuple[str, Path], ...]) -> ArraySource:
    stamps = [stamp(file), stamp(labels), *(f'{column} {stamp(list_)}' for column, list_ in lists)]
    name = file.relative_to(path).as_posix()
    return ArraySource(name, str(file), '', '; '.join(stamps), labels, lists)


def _load_labels(path: Path) -> tuple[list[str], list[int]]:
    """Names without `.skeleton`, and labels."""
    with open(path, 'rb') as file:
        content = read_pickle(file, str(path))
    is_pair = isinstance(content, list | tuple) and len(content) == 2
    names, labels = content if is_pair else (None, None)
    if (
        not isinstance(names, list | tuple)
        or not isinstance(labels, list | tuple | np.ndarray)
        or len(names) != len(labels)
        or not all(isinstance(name, str) for name in names)
        or not all(isinstance(label, int | np.integer) for label in labels)
    ):
        raise DataError(
            'label file is no pair of names and labels',
            accepted='(list of names, list of whole numbers), of one length',
            where=str(path),
        )
    return [name.removesuffix('.skeleton') for name in names], [int(label) for label in labels]


def _check_lists(members: Mapping[str, frozenset[str]], source: ArraySource) -> None:
    """Every split divides the same sequences."""
    whole: dict[str, frozenset[str]] = {}
    for column, names in members.items():
        split = column.rpartition('_')[0]
        twice = whole.get(split, frozenset()) & names
        if twice:
            raise DataError(
                f'{len(twice)} sequences stand in two subsets of {split}',
                got=', '.join(sorted(twice)[:5]),
                where=source.name,
            )
        whole[split] = whole.get(split, frozenset()) | names
    first = next(iter(whole))
    for split, names in whole.items():
        if names != whole[first]:
            raise DataError(
                f'{split} and {first} do not divide the same sequences',
                got=', '.join(sorted(names ^ whole[first])[:5]),
                where=source.name,
                fix=f'give the folder {first} alone as the source',
            )


def _frames(sequence: NDArray[np.floating], is_padded: bool) -> NDArray[np.float32]:
    """(C, T, V, M) to (T, M, V, C), padding cut off; a sequence of zeros alone keeps its frames."""
    frames = np.ascontiguousarray(sequence.transpose(1, 3, 2, 0), dtype=np.float32)
    present = np.flatnonzero(frames.any(axis=(1, 2, 3)))
    return frames[: present[-1] + 1] if is_padded and len(present) else frames
