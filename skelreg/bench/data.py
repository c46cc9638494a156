"""Cases around data: parsing and fetching batches."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np

from ..datasets import sequence_store
from ..datasets.archive_writer import ArchiveWriter
from ..datasets.dataset import SkeletonDataset
from ..datasets.readers.ntu_file import parse
from ..plugin_manager import load_plugins
from .measure import Figure, figure, ratios, seconds


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
            taken = seconds(partial(_fetch_all, dataset, batches))
            values.append(len(dataset) / taken)
    return figure(
        'fetching batches from the memory map, 1 process', values, 'sequences/s', goal=6000.0, at_most=False,
        remark='the goal is what one H100 is to take',
    )


def _fetch_all(dataset: SkeletonDataset, batches: list[list[int]]) -> None:
    for batch in batches:
        dataset.__getitems__(batch)


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
    yield 'fetch', fetching
