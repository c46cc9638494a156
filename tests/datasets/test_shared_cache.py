"""Several processes over one archive: who writes the cache, and what each of them reads."""

from __future__ import annotations

import ctypes
import mmap
import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from mmengine.dataset import sampler as mmengine_sampler
from mmengine.dataset.sampler import DefaultSampler

from skelreg.datasets import sequence_store
from skelreg.datasets.archive import SkeletonArchive
from skelreg.datasets.archive_writer import ArchiveWriter
from skelreg.datasets.dataset import SkeletonDataset
from tests.datasets.samples import META, random_frames

FORK = multiprocessing.get_context('fork')
ROW_BYTES = 4 * 3 * 125 * 20


def make(archive: Any, num_frames: int = 6) -> SkeletonDataset:
    return SkeletonDataset('nucla', archive, '464', 'train', num_frames=num_frames)


def make_noting(archive: SkeletonArchive, log: Path, hold: float, together: Any) -> None:
    """Make the dataset; whoever writes the cache notes it first and then takes its time."""
    write: Callable[..., None] = sequence_store._write

    def slowly(*arguments: Any) -> None:
        with open(log, 'a') as file:
            file.write(f'{os.getpid()}\n')
        time.sleep(hold)
        write(*arguments)

    with mock.patch.object(sequence_store, '_write', slowly):
        together.wait(30)
        make(archive)


@pytest.fixture
def in_files(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sequence_store, 'IN_MEMORY_BYTES', 0)


@pytest.mark.usefixtures('in_files')
def test_of_processes_that_want_one_cache_at_once_one_writes_it(
    archive: SkeletonArchive, tmp_path: Path
) -> None:
    log, together = tmp_path / 'writers', FORK.Barrier(3)
    ranks = [FORK.Process(target=make_noting, args=(archive, log, 0.3, together)) for _ in range(3)]
    for rank in ranks:
        rank.start()
    for rank in ranks:
        rank.join(60)
    assert [rank.exitcode for rank in ranks] == [0, 0, 0]
    assert len(log.read_text().splitlines()) == 1
    assert [path.suffix for path in (tmp_path / 'archive.cache').iterdir()] == ['.npy']


@pytest.mark.usefixtures('in_files')
def test_a_writer_that_is_killed_keeps_nobody_waiting(archive: SkeletonArchive, tmp_path: Path) -> None:
    log = tmp_path / 'writers'
    writer = FORK.Process(target=make_noting, args=(archive, log, 600, FORK.Barrier(1)))
    writer.start()
    deadline = time.monotonic() + 30
    while not log.exists():
        assert time.monotonic() < deadline
        time.sleep(0.01)
    os.kill(writer.pid or 0, signal.SIGKILL)
    writer.join(30)
    assert len(make(archive)) == 8


def order_of(rank: int, world_size: int, dataset: SkeletonDataset) -> list[int]:
    """The positions that a rank reads in the first epoch."""
    with mock.patch.object(mmengine_sampler, 'get_dist_info', lambda: (rank, world_size)):
        return list(DefaultSampler(dataset, shuffle=True, seed=0))


def test_ranks_read_rows_of_their_own(archive: SkeletonArchive) -> None:
    first, second = (order_of(rank, 2, make(archive)) for rank in (0, 1))
    assert not set(first) & set(second) and sorted([*first, *second]) == list(range(8))


def resident_share(path: Path) -> float:
    """Share of a file's pages that the system holds in memory."""
    with open(path, 'r+b') as file, mmap.mmap(file.fileno(), 0) as mapped:
        pages = -(-len(mapped) // mmap.PAGESIZE)
        held, start = (ctypes.c_ubyte * pages)(), ctypes.c_char.from_buffer(mapped)
        libc = ctypes.CDLL(None)
        address, length = ctypes.c_void_p(ctypes.addressof(start)), ctypes.c_size_t(len(mapped))
        assert libc.mincore(address, length, held) == 0
        del start
    return sum(value & 1 for value in held) / pages


def forget(path: Path) -> None:
    """Ask the system to drop a file from memory."""
    descriptor = os.open(path, os.O_RDONLY)
    os.fsync(descriptor)
    os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
    os.close(descriptor)


@pytest.mark.skipif(sys.platform != 'linux', reason='looks into the page cache of Linux')
@pytest.mark.usefixtures('in_files')
def test_a_rank_of_four_reads_little_more_than_a_quarter_of_the_cache(tmp_path: Path) -> None:
    with ArchiveWriter(tmp_path / 'archive', META, max_bodies=1) as writer:
        for i in range(240):
            columns = dict(subject=1, camera=1, view=1, setup=1)
            writer.add(f's{i:03d}', i % 10, random_frames(2, seed=i), columns)
    dataset = make(tmp_path / 'archive', num_frames=125)
    (cache,) = (tmp_path / 'archive.cache').iterdir()
    assert cache.stat().st_size > 240 * ROW_BYTES
    del dataset
    forget(cache)
    if resident_share(cache) > 0.05:
        pytest.skip('this file system keeps its files in memory')
    dataset = make(tmp_path / 'archive', num_frames=125)
    own = order_of(1, 4, dataset)
    for first in range(0, len(own), 16):
        dataset.__getitems__(own[first : first + 16])
    # A row of 30,000 bytes touches a part of a page at each end; reading around adds a little.
    assert 0.25 < resident_share(cache) < 0.5
