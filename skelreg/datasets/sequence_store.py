"""Where a dataset's sequences come from: resampled once and kept, or raw from the archive."""

from __future__ import annotations

import fcntl
import hashlib
import json
import mmap
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import __version__
from ..durable import full_disk_is_data_error
from ..errors import DataError
from ..graphs import comes_with_skelreg
from .archive import SkeletonArchive
from .resample import resample

Frames = NDArray[np.float32]
Transform = Callable[[Frames], Frames]

#: Resampled sequences up to this many bytes are made anew by every process start and kept in memory.
IN_MEMORY_BYTES = 512 * 2**20


class RawStore:
    """Sequences of their own lengths, transformed when fetched.

    Args:
        archive: Where they are.
        rows: (S,) rows of the archive's index.
        transforms: Applied in order.
        max_bodies: M of the batches.
    """

    def __init__(
        self,
        archive: SkeletonArchive,
        rows: NDArray[np.int64],
        transforms: Sequence[Transform],
        max_bodies: int,
    ) -> None:
        self.archive, self.rows, self.transforms, self.max_bodies = archive, rows, transforms, max_bodies

    def fetch(self, indices: NDArray[np.int64]) -> tuple[Frames, NDArray[np.int64]]:
        """Batch (N, C, T, V, M), zero-padded to the longest sequence, and lengths (N,)."""
        index, rows = self.archive.index, self.rows[indices]
        read_ahead(self.archive.frames, index['offset'][rows], index['length'][rows])
        sequences = [self.sequence(i) for i in indices]
        lengths = np.array([len(frames) for frames in sequences], dtype=np.int64)
        _, m, v, c = sequences[0].shape
        batch = np.zeros((len(sequences), lengths.max(), m, v, c), dtype=np.float32)
        for row, frames in zip(batch, sequences, strict=True):
            row[: len(frames)] = frames
        return batch.transpose(0, 4, 1, 3, 2), lengths  # (N, C, T, V, M)

    def sequence(self, i: int) -> Frames:
        """Sequence i of the subset, (T, M, V, C)."""
        whole = self.archive.sequence(int(self.rows[i]))
        frames = fit_bodies(whole, self.max_bodies)
        if whole.shape[1] > self.max_bodies and whole.any() and not frames.any():
            raise DataError(
                f'max_bodies={self.max_bodies} leaves nobody of a sequence',
                got=f"'{self.archive.index['name'][self.rows[i]]}', whose only persons come behind these",
                fix=f'set max_bodies={whole.shape[1]} or None, or prepare the data with the person first',
            )
        for transform in self.transforms:
            frames = transform(frames)
        return frames


class ResampledStore:
    """All sequences at one length, in memory or in a memory-mapped file.

    Args:
        raw: The sequences.
        num_frames: T.
        cache: File to keep them in, made if absent; None keeps them in memory.
    """

    def __init__(self, raw: RawStore, num_frames: int, cache: Path | None) -> None:
        self.num_frames, self.cache = num_frames, cache
        layout, archive = raw.archive.layout, raw.archive
        shape = (len(raw.rows), len(archive.channels), num_frames, layout.num_joints, raw.max_bodies)
        if cache is None:
            self.batch: Frames = np.empty(shape, dtype=np.float32)  # (S, C, T, V, M)
            _fill(self.batch, raw, num_frames)
        else:
            _write_once(cache, shape, raw, num_frames)
            self.batch = np.load(cache, mmap_mode='r')

    def fetch(self, indices: NDArray[np.int64]) -> tuple[Frames, NDArray[np.int64]]:
        """Batch (N, C, T, V, M) and lengths (N,), all num_frames."""
        read_ahead(self.batch, indices, 1)
        return self.batch[indices], self.lengths(indices)

    def lengths(self, indices: NDArray[np.int64]) -> NDArray[np.int64]:
        """Lengths (N,), all num_frames."""
        return np.full(len(indices), self.num_frames, dtype=np.int64)

    def __getstate__(self) -> dict[str, Any]:
        """A memory-mapped file travels to workers by name."""
        state = dict(self.__dict__)
        if self.cache is not None:
            del state['batch']
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        if self.cache is not None:
            self.batch = np.load(self.cache, mmap_mode='r')


def read_ahead(frames: Frames, first: NDArray[np.int64], count: NDArray[np.int64] | int) -> None:
    """Have the system read rows of a memory-mapped array, all at once, before they are used.

    Left to itself it reads at every page fault what lies around the page as well: of rows in random order,
    most of that belongs to other batches, or to other ranks.

    Args:
        frames: Any array; one that is not memory-mapped is left alone.
        first: (N,) first rows along axis 0.
        count: (N,) how many rows from there on.
    """
    if not isinstance(frames, np.memmap) or not hasattr(mmap, 'MADV_WILLNEED'):
        return
    mapped, row = frames._mmap, frames.strides[0]  # type: ignore[attr-defined]
    start = frames.offset % mmap.ALLOCATIONGRANULARITY + first * row
    page = start // mmap.PAGESIZE * mmap.PAGESIZE
    for where, length in zip(page.tolist(), (start + count * row - page).tolist(), strict=True):
        mapped.madvise(mmap.MADV_WILLNEED, where, length)


def fit_bodies(frames: Frames, max_bodies: int) -> Frames:
    """Keep the first bodies, or add absent ones: (T, M, V, C) -> (T, max_bodies, V, C)."""
    t, m, v, c = frames.shape
    if m >= max_bodies:
        return frames[:, :max_bodies]
    return np.concatenate([frames, np.zeros((t, max_bodies - m, v, c), dtype=np.float32)], axis=1)


def cache_key(raw: RawStore, num_frames: int | None, transforms: Sequence[Mapping[str, Any]]) -> str:
    """Changes with whatever can change the frames."""
    rows = hashlib.sha256(raw.rows.tobytes()).hexdigest()
    facts = [__version__, raw.archive.checksum, rows, raw.max_bodies, num_frames, *map(dict, transforms)]
    if not comes_with_skelreg(raw.archive.layout):  # else the version says it
        facts.append(repr(raw.archive.layout))
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:24]


def _fill(batch: Frames, raw: RawStore, num_frames: int) -> None:
    for i in range(len(batch)):
        batch[i] = resample(raw.sequence(i), num_frames).transpose(3, 0, 2, 1)  # (C, T, V, M)


def _write_once(cache: Path, shape: tuple[int, ...], raw: RawStore, num_frames: int) -> None:
    """Write the cache unless it is there; of processes that want it at once, one writes and all wait."""
    if cache.exists():
        return
    try:
        with full_disk_is_data_error(cache):
            cache.parent.mkdir(parents=True, exist_ok=True)
            with _alone(cache.with_name(f'.{cache.name}.lock')):
                if not cache.exists():
                    _write(cache, shape, raw, num_frames)
    except PermissionError as error:
        raise DataError(
            'cache folder cannot be written',
            got=str(error),
            where=str(cache.parent),
            fix='set cache_dir in the dataset config',
        ) from error


@contextmanager
def _alone(lock: Path) -> Iterator[None]:
    """Wait until no other process is inside; the system frees the lock of one that dies.

    A file system without locks lets all in at once, and each then writes a copy of its own.
    """
    with open(lock, 'wb') as file:
        with suppress(OSError):
            fcntl.flock(file, fcntl.LOCK_EX)
        try:
            yield
        finally:
            lock.unlink(missing_ok=True)


def _write(cache: Path, shape: tuple[int, ...], raw: RawStore, num_frames: int) -> None:
    """Write the cache beside its final name."""
    partial = cache.with_name(f'.{cache.name}.{os.getpid()}')
    try:
        with open(partial, 'wb') as file:
            _write_sequences(file, shape, raw, num_frames)
            file.flush()
            os.fsync(file.fileno())
        partial.rename(cache)
    finally:
        partial.unlink(missing_ok=True)


def _write_sequences(file: Any, shape: tuple[int, ...], raw: RawStore, num_frames: int) -> None:
    """Plain writes rather than a memory map, on which a full disk would be a bus error."""
    header = {'descr': '<f4', 'fortran_order': False, 'shape': shape}
    np.lib.format.write_array_header_1_0(file, header)
    one: Frames = np.empty((1, *shape[1:]), dtype=np.float32)
    for i in range(shape[0]):
        one[0] = resample(raw.sequence(i), num_frames).transpose(3, 0, 2, 1)  # (C, T, V, M)
        file.write(one.tobytes())
