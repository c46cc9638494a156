from __future__ import annotations

import os
import pickle
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from skelreg.datasets.cards import load_card
from skelreg.datasets.counts import describe
from skelreg.datasets.dataset import SkeletonDataset
from skelreg.datasets.prepare import prepare
from skelreg.datasets.readers.base import Sequence, check_sequence
from skelreg.datasets.readers.pyskl import PYSKLReader
from skelreg.errors import DataError

NAMES = ['S001C001P001R001A001', 'S002C003P007R001A060']
SPLITS = {'xsub_train': NAMES[:1], 'xsub_val': NAMES[1:], 'xview_train': NAMES[1:], 'xview_val': NAMES[:1]}


def annotation(i: int, **changes: Any) -> dict[str, Any]:
    """Sequence i: i + 1 bodies, i + 3 frames."""
    shape = (i + 1, i + 3, 25, 3)
    points = (np.arange(np.prod(shape)).reshape(shape) % 512 + 1).astype(np.float16)
    made = dict(frame_dir=NAMES[i], label=59 * i, keypoint=points, total_frames=i + 3, img_shape=(1080, 1920))
    return {**made, **changes}


def write(path: Path, *annotations: dict[str, Any], split: Any = SPLITS) -> Path:
    content = dict(split=split, annotations=list(annotations) or [annotation(0), annotation(1)])
    path.write_bytes(pickle.dumps(content, 4))
    return path


def read(path: Path, card: str = 'ntu60_pyskl') -> list[Sequence]:
    reader = PYSKLReader(load_card(card))
    sequences = [sequence for source in reader.sources(path) for sequence in reader.read(source)]
    for sequence in sequences:
        check_sequence(sequence, reader.card, where=sequence.name)
    return sequences


def test_reads_frames_labels_and_split_lists(tmp_path: Path) -> None:
    first, second = read(write(tmp_path / 'ntu60_3danno.pkl'))
    assert [(s.name, s.label, s.frames.shape) for s in (first, second)] == [
        (NAMES[0], 0, (3, 1, 25, 3)),
        (NAMES[1], 59, (4, 2, 25, 3)),
    ]
    for m, t in np.ndindex(2, 4):
        np.testing.assert_array_equal(second.frames[t, m], annotation(1)['keypoint'][m, t].astype(np.float32))
    assert second.columns == dict(
        subject=7, camera=3, setup=2, xsub_train=0, xsub_val=1, xview_train=1, xview_val=0
    )


def test_reads_a_pickle_in_a_folder_or_a_zip(tmp_path: Path) -> None:
    path = write(tmp_path / 'a.pkl')
    with zipfile.ZipFile(tmp_path / 'a.zip', 'w') as file:
        file.write(path, 'inside/a.pkl')
    zipped = read(tmp_path / 'a.zip')
    path.rename(tmp_path.joinpath('b.pkl'))
    (tmp_path / 'a.zip').unlink()
    assert [s.name for s in zipped] == [s.name for s in read(tmp_path)] == NAMES


def test_other_names_say_nothing_of_subjects(tmp_path: Path) -> None:
    path = write(tmp_path / 'a.pkl', annotation(0, frame_dir='v_walk'), split={'train': ['v_walk']})
    assert read(path)[0].columns == dict(subject=-1, camera=-1, setup=-1, train=1)


def test_takes_scores_as_the_last_channel_of_2d_keypoints(tmp_path: Path) -> None:
    points = np.random.default_rng(0).uniform(1, 900, (1, 3, 17, 2)).astype(np.float16)
    score = np.random.default_rng(1).uniform(0, 1, (1, 3, 17)).astype(np.float16)
    flat = annotation(0, keypoint=points, keypoint_score=score)
    (sequence,) = read(write(tmp_path / 'a.pkl', flat, split={'xsub_train': NAMES[:1]}), 'ntu60_pyskl_2d')
    np.testing.assert_array_equal(sequence.frames[:, 0, :, :2], points[0].astype(np.float32))
    np.testing.assert_array_equal(sequence.frames[:, 0, :, 2], score[0].astype(np.float32))


def test_a_card_names_the_split_lists(tmp_path: Path) -> None:
    card = load_card('ntu60_pyskl')
    prepared = prepare(card, write(tmp_path / 'ntu60_3danno.pkl'), tmp_path / 'out')
    assert '  split xview: 1 train, 1 test, 0 twins across the split' in describe(prepared.archive, card)
    dataset = SkeletonDataset('ntu60_pyskl', tmp_path / 'out', 'xview', 'train')
    assert dataset.names == (NAMES[1],)


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        (dict(keypoint=np.ones((3, 25, 3))), r'keypoint has the wrong form \(a.pkl, annotations\[0\]'),
        (dict(keypoint=[1.0]), r'(?s)wrong form.*got: list'),
        (dict(keypoint=np.ones((1, 3, 25, 2))), r'(?s)number of channels.*\(1, 3, 25, 2\).*3 \(x, y, z\)'),
        (dict(total_frames=4), r'(?s)total_frames contradicts.*got: 4.*accepted: 3'),
        (dict(label='0'), 'label is no whole number'),
        (dict(label=True), 'label is no whole number'),
        (dict(frame_dir=1), 'frame_dir is no name'),
    ],
)
def test_a_malformed_annotation_is_refused(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError, match=message):
        read(write(tmp_path / 'a.pkl', annotation(0, **change), split={}))


@pytest.mark.parametrize('field', ['frame_dir', 'label', 'keypoint', 'total_frames'])
def test_a_missing_field_is_named(tmp_path: Path, field: str) -> None:
    lacking = {key: value for key, value in annotation(0).items() if key != field}
    with pytest.raises(DataError, match=f'(?s)lacks a field.*no {field}'):
        read(write(tmp_path / 'a.pkl', lacking))


@pytest.mark.parametrize(
    ('score', 'message'), [(None, 'no keypoint_score'), (np.ones((1, 3, 16)), 'does not fit keypoint')]
)
def test_2d_keypoints_need_their_scores(tmp_path: Path, score: Any, message: str) -> None:
    flat = annotation(0, keypoint=np.ones((1, 3, 17, 2)))
    flat |= {} if score is None else {'keypoint_score': score}
    with pytest.raises(DataError, match=message):
        read(write(tmp_path / 'a.pkl', flat, split={}), 'ntu60_pyskl_2d')


@pytest.mark.parametrize(
    ('split', 'message'),
    [
        ({'xsub_train': ['S9', 'S8']}, r'(?s)names 2 sequences that have no annotation.*got: S8, S9'),
        ({'label': NAMES}, "(?s)uses otherwise.*got: 'label'"),
        ({'subject': NAMES}, "(?s)uses otherwise.*got: 'subject'"),
        ({'xsub_train': 'S001'}, 'split is no list of names'),
        ([NAMES], "a dict with 'split'"),
    ],
)
def test_a_malformed_split_is_refused(tmp_path: Path, split: Any, message: str) -> None:
    with pytest.raises(DataError, match=message):
        read(write(tmp_path / 'a.pkl', split=split))


def test_one_malformed_annotation_can_be_skipped(tmp_path: Path) -> None:
    path = write(tmp_path / 'a.pkl', annotation(0, total_frames=7), annotation(1))
    with pytest.raises(DataError, match=r'total_frames contradicts keypoint .*annotations\[0\]'):
        prepare(load_card('ntu60_pyskl'), path, tmp_path / 'out')
    prepared = prepare(load_card('ntu60_pyskl'), path, tmp_path / 'out', on_error='skip')
    assert list(prepared.archive.index['name']) == NAMES[1:]
    assert [NAMES[0] in entry.reason for entry in prepared.skipped] == [True]


class Trap:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return os.mkdir, (str(self.path),)


def test_code_in_the_pickle_is_not_run(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r'(?s)foreign object.*a\.pkl.*mkdir'):
        read(write(tmp_path / 'a.pkl', annotation(0, extra=Trap(tmp_path / 'trap'))))
    assert not (tmp_path / 'trap').exists()
