"""The contract of readers: raw files in, checked sequences out, nothing guessed, nothing dropped."""

from __future__ import annotations

import zipfile
import zlib
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray

from ...errors import DataError
from ...graphs import get_layout
from ..archive import count_bodies
from ..cards import DatasetCard

#: What zipfile raises of a damaged zip, an encrypted one, or a method that it does not know (Deflate64).
_ZIP_ERRORS = (zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError, ValueError)


@dataclass(frozen=True)
class Source:
    """One raw file, loose or inside a zip.

    Attributes:
        name: For messages, and unique.
        path: The file, or the zip that holds it.
        member: Name inside the zip, '' for a loose file.
        stamp: Changes when the content does: CRC and size in a zip, else size and time.
    """

    name: str
    path: str
    member: str
    stamp: str

    @property
    def stem(self) -> str:
        """File name without folder and suffix."""
        return PurePosixPath(self.name).stem

    def read_bytes(self) -> bytes:
        """The content.

        Raises:
            DataError: If the file or the zip is damaged, or the zip cannot be unpacked here.
        """
        try:
            return _open_zip(self.path).read(self.member) if self.member else Path(self.path).read_bytes()
        except _ZIP_ERRORS as error:
            # RuntimeError: zipfile's word for encrypted files and for methods that it does not know.
            fix = 'unpack the zip with another program' if isinstance(error, RuntimeError) else None
            raise DataError(
                'raw file cannot be read', got=f'{type(error).__name__}: {error}', where=self.name, fix=fix
            ) from error


@dataclass(frozen=True)
class Sequence:
    """One action, as a reader returns it.

    Attributes:
        name: Unique within the dataset.
        label: 0-based class, -1 unknown.
        frames: (T, M, V, C) float32; an absent body is all zeros.
        columns: Further columns of the index, the same for all sequences of a reader; subject,
            camera and setup at least.
        flaw: Why this one sequence of its file has to be refused, where only the reader can tell;
            '' for a sound one.
    """

    name: str
    label: int
    frames: NDArray[np.float32]
    columns: Mapping[str, int | str] = field(default_factory=dict)
    flaw: str = ''


class Reader(ABC):
    """Turns one raw format into sequences.

    A reader never guesses: `read` raises a DataError that names the file, the line or field, and
    the reason. Instances travel to worker processes, so they must be picklable.

    Args:
        card: The dataset that is read.
    """

    def __init__(self, card: DatasetCard) -> None:
        self.card = card

    @abstractmethod
    def sources(self, path: Path) -> list[Source]:
        """List the raw files under a folder or in a zip, in a fixed order, without reading them.

        Raises:
            DataError: If there is none.
        """

    def exclusion(self, source: Source) -> str | None:
        """Why a file is no part of the dataset though it lies among the others; None for all that are."""
        return None

    @abstractmethod
    def read(self, source: Source) -> list[Sequence]:
        """Read one raw file; it may hold several sequences.

        Raises:
            DataError: If it is malformed.
        """


def list_sources(path: Path, suffix: str) -> list[Source]:
    """All files with a suffix in a zip or, at any depth, in a folder and the zips in it, sorted by name.

    The path may also be one such file.

    Raises:
        DataError: If there is none, two share a name, or a zip is damaged.
    """
    return without_twins(find_files(path, suffix), str(path))


def find_files(path: Path, suffix: str) -> list[Source]:
    """As `list_sources`, but files in different folders may share a name.

    Raises:
        DataError: If there is none, or a zip is damaged.
    """
    if not path.exists():
        raise DataError('source not found', got=path, accepted=f'a folder or a zip with *{suffix} files')
    _open_zip.cache_clear()
    if path.is_dir():
        files = [p for p in path.rglob('*') if p.is_file()]
        found = [
            Source(p.relative_to(path).as_posix(), str(p), '', stamp(p))
            for p in files
            if p.name.endswith(suffix)
        ]
        for file in files:
            if file.suffix == '.zip':
                found += _members(file, suffix, prefix=f'{file.relative_to(path).as_posix()}/')
    elif path.name.endswith(suffix):
        found = [Source(path.name, str(path), '', stamp(path))]
    else:
        found = _members(path, suffix, prefix='')
    if not found:
        raise DataError(f'source holds no *{suffix} file', got=path)
    return sorted(found, key=lambda source: (source.stem, source.name))


def without_twins(sources: list[Source], where: str) -> list[Source]:
    """The same sources, sorted by name.

    Raises:
        DataError: If two files have one name.
    """
    by_stem: dict[str, Source] = {}
    for source in sorted(sources, key=lambda source: (source.stem, source.name)):
        twin = by_stem.setdefault(source.stem, source)
        if twin is not source:
            raise DataError(
                'two raw files have one name',
                got=f'{twin.name}, {source.name}',
                where=where,
                fix='remove one of them, or give the folder or zip of one as the source',
            )
    return list(by_stem.values())


def check_sequence(sequence: Sequence, card: DatasetCard, where: str) -> None:
    """Refuse a sequence that would spoil an archive, whichever reader made it.

    Raises:
        DataError: If it is empty, has the wrong shape, a label out of range, a coordinate that is
            not finite, no body at all, or a flaw that its reader found.
    """
    if sequence.flaw:
        raise DataError(sequence.flaw, where=where)
    frames, num_joints = sequence.frames, get_layout(card.layout).num_joints
    if frames.ndim != 4 or frames.shape[2:] != (num_joints, len(card.channels)) or frames.dtype != np.float32:
        raise DataError(
            'sequence has the wrong form',
            got=f'{frames.dtype} {frames.shape}',
            accepted=f'float32 (T, M, {num_joints}, {len(card.channels)})',
            where=where,
        )
    if len(frames) == 0:
        raise DataError('sequence is empty', got='0 frames', where=where)
    if not -1 <= sequence.label < card.num_classes:
        raise DataError(
            'label is out of range', got=sequence.label, accepted=f'0..{card.num_classes - 1}', where=where
        )
    bad = np.argwhere(~np.isfinite(frames))
    if len(bad):
        t, m, v, c = bad[0]
        raise DataError(
            'coordinate is not finite',
            got=frames[t, m, v, c],
            accepted='finite numbers',
            where=f'{where}, frame {t}, body {m}, joint {v}, {card.channels[c]} (counted from 0)',
        )
    bodies = count_bodies(frames)
    if not 1 <= bodies <= card.max_bodies:
        raise DataError(
            'sequence has the wrong number of bodies',
            got=bodies,
            accepted=f'1..{card.max_bodies}',
            where=where,
        )


def stamp(path: Path) -> str:
    """Size and time of a loose file, as `Source.stamp` holds them."""
    status = path.stat()
    return f'{status.st_size} {status.st_mtime_ns}'


def _members(path: Path, suffix: str, prefix: str) -> list[Source]:
    """Files with a suffix in a zip."""
    return [
        Source(f'{prefix}{info.filename}', str(path), info.filename, f'{info.file_size} {info.CRC:08x}')
        for info in _open_zip(str(path)).infolist()
        if info.filename.endswith(suffix) and not info.is_dir()
    ]


@lru_cache(maxsize=4)
def _open_zip(path: str) -> zipfile.ZipFile:
    """Kept open, because reading a zip's directory costs more than reading a member."""
    try:
        return zipfile.ZipFile(path)
    except _ZIP_ERRORS as error:
        raise DataError('zip is damaged', got=str(error), where=path, fix='download it again') from error
