"""Cases around data: parsing, opening an archive, fetching batches."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from ..datasets import sequence_store
from ..datasets.archive import FORMAT, FRAMES, INDEX, META, index_bytes
from ..datasets.archive_writer import ArchiveWriter
from ..datasets.dataset import SkeletonDataset
from ..datasets.readers.ntu_file import parse
from ..graphs import get_layout
from ..plugin_manager import load_plugins
from .measure import Figure, figure, ratios, seconds

_MEMORY_OF_OPENING = """
import resource, sys
from skelreg.datasets.archive import SkeletonArchive
archive = SkeletonArchive.open(sys.argv[1])
archive.sequence(len(archive) - 1).sum()
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def skeleton_text(num_frames: int = 80, num_bodies: int = 2, joints: int = 25) -> bytes:
    """A `.skeleton` file of random numbers with the form and about the size of NTU's."""
    rng = np.random.default_rng(0)
    lines = [str(num_frames)]
    for _ in range(num_frames):
        lines.append(str(num_bodies))
        for body in range(num_bodies):
            lines.append(f'7205759403793110{body} 0 1 1 1 1 0 0.02764709 0.05745083 2')
            lines.append(str(joints))
            rows = rng.normal(size=(joints, 11)).astype(np.float32)
            lines += [' '.join(map(str, row)) + ' 2' for row in rows]
    return '\n'.join([*lines, '']).encode()


def parsing() -> Figure:
    """One thread, a file in the file system's cache."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / 'S001C001P001R001A001.skeleton'
        path.write_bytes(skeleton_text())
        values = ratios(
            lambda: parse(path.read_bytes(), 25, path.name), lambda: path.read_bytes().split(), repeats=15
        )
    return figure(
        'parsing a .skeleton file, against bytes.split() on it', values, 'ratio', goal=4.0, aim=3.0,
    )


def memory_of_opening(gigabytes: tuple[float, float] = (1, 100), sequences: int = 10_000) -> Figure:
    """Peak memory of opening a great archive against a small one with as many sequences; both are sparse."""
    values = []
    with tempfile.TemporaryDirectory() as folder:
        paths = [_sparse_archive(Path(folder) / f'{size}', size, sequences) for size in gigabytes]
        for _ in range(3):
            small, great = (_opening_kilobytes(path) for path in paths)
            values.append(great / small)
    return figure(
        f'peak memory of a process that opens {gigabytes[1]:g} GB, against {gigabytes[0]:g} GB', values, 'ratio', goal=1.1,
        remark=f'{sequences} sequences in both; memory grows with the rows of the index, not with the frames',
    )


def fetching(num_sequences: int = 4000, batch_size: int = 128) -> Figure:
    """Random batches of resampled frames from a memory map, one process."""
    load_plugins()
    values = []
    with tempfile.TemporaryDirectory() as folder:
        dataset = _mapped_dataset(Path(folder), num_sequences)
        rng = np.random.default_rng(0)
        for _ in range(5):
            order = rng.permutation(len(dataset))
            batches = [order[i : i + batch_size].tolist() for i in range(0, len(order), batch_size)]
            taken = seconds(lambda batches=batches: [dataset.__getitems__(batch) for batch in batches])
            values.append(len(dataset) / taken)
    return figure(
        'fetching batches from the memory map, 1 process', values, 'sequences/s', goal=6000.0, at_most=False,
        remark='the goal is what one H100 is to take',
    )


def _sparse_archive(path: Path, gigabytes: float, sequences: int) -> Path:
    """An archive whose frames are zeros that take no place on the disk."""
    joints, row = get_layout('ntu_rgbd').num_joints, np.arange(sequences)
    length = int(gigabytes * 1e9 / (2 * joints * 3 * 4) / sequences)
    index = dict(
        name=np.array([f's{i:06}' for i in row]), label=row % 60, offset=row * length,
        length=np.full(sequences, length), bodies=np.ones(sequences, dtype=np.int64),
        subject=row % 40, digest=np.array([f'{i:040x}' for i in row]),
    )
    content = index_bytes(index)
    meta = dict(
        layout='ntu_rgbd', channels=['x', 'y', 'z'], num_classes=60, format=FORMAT,
        columns={name: 'int' if column.dtype.kind == 'i' else 'str' for name, column in index.items()},
        checksums={INDEX: hashlib.sha256(content).hexdigest()},
    )
    path.mkdir()
    shape = (sequences * length, 2, joints, 3)
    np.lib.format.open_memmap(path / FRAMES, mode='w+', dtype=np.float32, shape=shape)
    (path / INDEX).write_bytes(content)
    (path / META).write_text(json.dumps(meta))
    return path


def _opening_kilobytes(path: Path) -> int:
    run = [sys.executable, '-c', _MEMORY_OF_OPENING, str(path)]
    return int(subprocess.run(run, check=True, capture_output=True, text=True).stdout)


def _mapped_dataset(folder: Path, num_sequences: int) -> SkeletonDataset:
    """NTU's shape, resampled to 50 frames, kept in a file instead of in memory."""
    generated = SkeletonDataset('synthetic', dict(synthetic=num_sequences), 'xsub', 'train')
    raw, limit = folder / 'archive', sequence_store.IN_MEMORY_BYTES
    with ArchiveWriter(raw, generated.archive.meta, generated.archive.max_bodies) as writer:
        index = generated.archive.index
        for i in range(len(generated.archive)):
            columns = {name: index[name][i] for name in ('subject', 'camera', 'setup')}
            writer.add(str(index['name'][i]), int(index['label'][i]), generated.archive.sequence(i), columns)
    sequence_store.IN_MEMORY_BYTES = 0
    try:
        return SkeletonDataset('synthetic', raw, 'xsub', 'train', num_frames=50)
    finally:
        sequence_store.IN_MEMORY_BYTES = limit


def cases() -> Iterator[tuple[str, Callable[[], Figure]]]:
    """Name -> what measures it."""
    yield 'parse', parsing
    yield 'open', memory_of_opening
    yield 'fetch', fetching
