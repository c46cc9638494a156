"""Cases around memory: what great archives cost when they are opened and trained on."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median

import numpy as np

from ..datasets.archive import FORMAT, FRAMES, INDEX, META, index_bytes
from ..graphs import get_layout
from .measure import Figure, figure
from .startup import ROOT

#: Bytes of a frame of two NTU bodies, and the frames of a sequence of NTU's average length.
FRAME_BYTES, LENGTH = 2 * 25 * 3 * 4, 80
STEPS, BATCH = 3, 16
#: Kilobytes, Linux's own count of this program: that of getrusage starts with what the parent had taken.
_PEAK = "int(next(line for line in open('/proc/self/status') if line.startswith('VmHWM')).split()[1])"
_OPENING = f"""
import sys
from skelreg.datasets.archive import SkeletonArchive
archive = SkeletonArchive.open(sys.argv[1])
archive.sequence(len(archive) - 1).sum()
print({_PEAK})
"""
_TRAINING = f"""
import os, runpy, sys
from mmengine.hooks import Hook
def stop(hook, runner, batch_idx, data_batch=None, outputs=None):
    if batch_idx + 1 == {STEPS}:
        print({_PEAK}, flush=True)
        os._exit(0)
Hook.after_train_iter = stop
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name='__main__')
"""


def opening(gigabytes: tuple[float, float] = (1, 100), sequences: int = 10_000) -> Figure:
    """Peak memory of opening a great archive against a small one with as many sequences; both are sparse."""
    with tempfile.TemporaryDirectory() as folder:
        small, great = (
            sparse_archive(Path(folder) / f'{size}', sequences, int(size * 1e9 / FRAME_BYTES / sequences))
            for size in gigabytes
        )
        values = [_peak(_OPENING, str(great)) / _peak(_OPENING, str(small)) for _ in range(3)]
    return figure(
        f'peak memory of a process that opens {gigabytes[1]:g} GB, against {gigabytes[0]:g} GB', values,
        'ratio', goal=1.1,
        remark=f'{sequences} sequences in both; memory grows with the rows of the index, not with the frames',
    )


def training(gigabytes: tuple[float, float] = (1, 20), repeats: int = 5) -> Figure:
    """Peak memory of the first steps of tools/train.py on whole sequences of a great and a small archive."""
    sequences = [int(size * 1e9 / FRAME_BYTES / LENGTH) for size in gigabytes]
    with tempfile.TemporaryDirectory() as folder:
        small, great = (sparse_archive(Path(folder) / f'{count}', count, LENGTH) for count in sequences)
        peaks = [(_training_peak(small), _training_peak(great)) for _ in range(repeats)]
    low, high = (median(column) / 1024 for column in zip(*peaks, strict=True))
    return figure(
        f'peak memory of a training on {gigabytes[1]:g} GB, against {gigabytes[0]:g} GB',
        [of_great / of_small for of_small, of_great in peaks], 'ratio',
        remark=f'{high:.0f} MiB with {sequences[1]:,} sequences, {low:.0f} MiB with {sequences[0]:,}; '
        f'HiCLR, ST-GCN, batch {BATCH}, {STEPS} steps',
    )


def sparse_archive(path: Path, sequences: int, length: int) -> Path:
    """An archive whose frames are zeros that take no place on the disk."""
    joints, row = get_layout('ntu_rgbd').num_joints, np.arange(sequences)
    index = dict(
        name=np.array([f's{i:07}' for i in row]), label=row % 60, offset=row * length,
        length=np.full(sequences, length), bodies=np.ones(sequences, dtype=np.int64),
        subject=row % 40 + 1, digest=np.array([f'{i:040x}' for i in row]),
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


def _training_peak(archive: Path) -> int:
    """Kilobytes; the dataset gives raw frames, of which the model looks at 50."""
    options = {
        'train_dataloader.dataset.archive': archive, 'train_dataloader.dataset.num_frames': None,
        'train_dataloader.batch_size': BATCH, 'model.data_preprocessor.num_frames': 50,
    }
    changed = [f'{key}={value}' for key, value in options.items()]
    config = str(ROOT / 'configs/hiclr/stgcn_ntu60.py')
    with tempfile.TemporaryDirectory() as work_dir:
        tool = [str(ROOT / 'tools/train.py'), config, '--work-dir', work_dir, '--cfg-options', *changed]
        return _peak(_TRAINING, *tool)


def _peak(script: str, *arguments: str) -> int:
    """Kilobytes that a script says it took, in the last line it prints."""
    run = [sys.executable, '-c', script, *arguments]
    found = subprocess.run(run, check=True, capture_output=True, text=True, cwd=ROOT)
    return int(found.stdout.split()[-1])


def cases() -> Iterator[tuple[str, Callable[[], Figure]]]:
    """Name -> what measures it."""
    yield 'open', opening
    yield 'train-memory', training
