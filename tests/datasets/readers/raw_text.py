"""Small raw files of NTU RGB+D and PKU-MMD, made on the spot."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

NTU, PKU = 'S001C002P003R001A004', '0002-L'
FIRST_ID = 72057594037931101  # more than a double can hold


def ntu_text(bodies: Sequence[Sequence[int]] = ((0,), (0, 1), (1,)), end: str = '\n', seed: int = 0) -> str:
    """A `.skeleton` file; for each frame, which bodies it has, in this order."""
    rng = np.random.default_rng(seed)
    lines = [str(len(bodies))]
    for frame in bodies:
        lines.append(str(len(frame)))
        for body in frame:
            lines += [f'{FIRST_ID + body} 0 1 1 1 1 0 0.0276 0.0575 2', '25']
            joints = np.concatenate([rng.normal(body, 1, (25, 3)), np.full((25, 9), 0.5)], axis=1)
            lines += [' '.join(f'{x:.7g}' for x in joint) for joint in joints]
    return end.join([*lines, ''])


def write_ntu(folder: Path, name: str = NTU, text: str | None = None) -> Path:
    folder.mkdir(exist_ok=True)
    content = ntu_text() if text is None else text
    (folder / f'{name}.skeleton').write_bytes(content.encode())
    return folder


def pku_text(num_frames: int = 12, alone_from: int = 8, seed: int = 0) -> str:
    """A recording in which the second body leaves."""
    values = np.random.default_rng(seed).normal(size=(num_frames, 150))
    values[alone_from:, 75:] = 0
    return '\n'.join(' '.join(f'{x:.6f}' for x in row) for row in values) + '\n'


def write_pku(
    folder: Path,
    name: str = PKU,
    text: str | None = None,
    labels: str | None = '3,6,12,2\n1,0,4,1\n',
    train: str = '0002-L, 0002-R',
    test: str = '0003-L, 0003-M',
    suffix: str = '',
) -> Path:
    """A recording, its labels (None writes none) and both split lists."""
    for part in ('skeleton', 'label', 'Split'):
        (folder / part).mkdir(parents=True, exist_ok=True)
    (folder / 'skeleton' / f'{name}.txt').write_text(pku_text() if text is None else text)
    if labels is not None:
        (folder / 'label' / f'{name}.txt').write_text(labels)
    for split in ('cross-subject', 'cross-view'):
        lists = f'Training videos: \n{train}\nValidataion videos: \n{test}'
        (folder / 'Split' / f'{split}{suffix}.txt').write_text(lists)
    return folder
