"""Two small sound raw files of each format that a reader of the project reads."""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import numpy as np

from tests.datasets.readers import raw_text


def write_nucla(folder: Path) -> None:
    for name, label in (('a01_s01_e00_v01', 1), ('a02_s01_e00_v01', 2)):
        skeletons = [[[0.1 * t, 0.2 * joint, 1.0] for joint in range(20)] for t in range(3)]
        content = dict(file_name=name, label=label, skeletons=skeletons)
        (folder / f'{name}.json').write_text(json.dumps(content))


def write_ntu(folder: Path) -> None:
    raw_text.write_ntu(folder, 'S001C001P001R001A001')
    raw_text.write_ntu(folder, 'S001C002P003R001A002')


def write_pku(folder: Path) -> None:
    raw_text.write_pku(folder, '0002-L')
    raw_text.write_pku(folder, '0003-M')


def write_pyskl(folder: Path) -> None:
    names = ['S001C001P001R001A001', 'S001C002P003R001A002']
    annotations = [
        dict(frame_dir=name, label=i, keypoint=np.full((1, 3, 25, 3), 0.5, np.float16), total_frames=3)
        for i, name in enumerate(names)
    ]
    content = dict(split=dict(xsub_train=names[:1], xsub_val=names[1:]), annotations=annotations)
    (folder / 'ntu60_3danno.pkl').write_bytes(pickle.dumps(content))


def write_hiclr(folder: Path) -> None:
    (folder / 'xsub').mkdir()
    for subset, name in (('train', 'S001C001P001R001A001'), ('val', 'S001C002P003R001A002')):
        np.save(folder / f'xsub/{subset}_position.npy', np.ones((1, 3, 4, 25, 2), dtype=np.float32))
        (folder / f'xsub/{subset}_label.pkl').write_bytes(pickle.dumps(([name], [0])))


def write_folder(folder: Path) -> None:
    np.save(folder / 'walk.npy', np.ones((3, 20, 3)))
    (folder / 'sit.json').write_text(json.dumps(np.ones((2, 20, 3)).tolist()))
    (folder / 'index.csv').write_text('file,label,subject\nwalk.npy,3,1\nsit.json,sit down,2\n')
