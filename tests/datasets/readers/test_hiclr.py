from __future__ import annotations

import os
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from skelreg.datasets.cards import load_card
from skelreg.datasets.counts import describe
from skelreg.datasets.prepare import prepare
from skelreg.datasets.readers.base import Sequence
from skelreg.datasets.readers.hiclr import HiCLRReader
from skelreg.errors import DataError

# Camera 1 is the test of xview, subject 3 that of xsub.
NAMES = ['S001C001P001R001A001', 'S001C002P001R001A002', 'S001C002P003R001A060']
SUBSETS = {'xsub': {'train': [0, 1], 'val': [2]}, 'xview': {'train': [1, 2], 'val': [0]}}


def stored() -> np.ndarray:
    """(N, C, T, V, M): ten frames, of which the last two are zero."""
    array = np.random.default_rng(0).normal(size=(3, 3, 10, 25, 2)).astype(np.float32)
    array[:, :, 8:] = 0
    return array


def write_data(root: Path, split: str, ending: str = 'position') -> Path:
    (root / split).mkdir(parents=True, exist_ok=True)
    for subset, rows in SUBSETS[split].items():
        np.save(root / split / f'{subset}_{ending}.npy', stored()[rows])
    return root


def write_labels(root: Path, split: str, suffix: str = '', protocol: int = 2) -> Path:
    (root / split).mkdir(parents=True, exist_ok=True)
    for subset, rows in SUBSETS[split].items():
        labels = ([NAMES[i] + suffix for i in rows], [int(NAMES[i][-3:]) - 1 for i in rows])
        (root / split / f'{subset}_label.pkl').write_bytes(pickle.dumps(labels, protocol))
    return root


def read(path: Path) -> list[Sequence]:
    reader = HiCLRReader(load_card('ntu60_hiclr'))
    return [sequence for source in reader.sources(path) for sequence in reader.read(source)]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return write_labels(write_data(tmp_path / 'NTU60_frame50', 'xsub'), 'xsub')


def test_resampled_arrays_are_kept_as_they_are(root: Path) -> None:
    sequences = read(root)
    assert [s.name for s in sequences] == NAMES
    assert [s.label for s in sequences] == [0, 1, 59]
    for sequence, array in zip(sequences, stored(), strict=True):
        assert sequence.frames.shape == (10, 2, 25, 3)
        for t, m in np.ndindex(10, 2):
            np.testing.assert_array_equal(sequence.frames[t, m], array[:, t, :, m].T)
    assert sequences[2].columns == dict(subject=3, camera=2, setup=1, xsub_train=0, xsub_val=1)


def test_padding_of_padded_arrays_is_cut_off(tmp_path: Path) -> None:
    root = write_labels(write_data(tmp_path, 'xsub', 'data_joint'), 'xsub', suffix='.skeleton')
    sequences = read(root)
    assert [s.name for s in sequences] == NAMES
    assert [len(s.frames) for s in sequences] == [8, 8, 8]


def test_the_folder_of_one_split_is_a_source(root: Path) -> None:
    assert [s.name for s in read(root / 'xsub')] == NAMES


def test_labels_may_lie_in_another_root(tmp_path: Path) -> None:
    write_data(tmp_path / 'NTU60_frame50', 'xsub')
    write_labels(tmp_path / 'NTU-RGB-D', 'xsub')
    assert [s.label for s in read(tmp_path)] == [0, 1, 59]
    with pytest.raises(DataError, match=r'data has no label file \(.*train_position.npy'):
        read(tmp_path / 'NTU60_frame50')


def test_every_split_becomes_columns_and_frames_are_read_once(root: Path) -> None:
    write_labels(write_data(root, 'xview'), 'xview')
    sequences = read(root)
    assert [s.name for s in sequences] == NAMES
    columns = ('xsub_train', 'xsub_val', 'xview_train', 'xview_val')
    assert [[s.columns[column] for column in columns] for s in sequences] == [
        [1, 0, 0, 1],
        [1, 0, 1, 0],
        [0, 1, 1, 0],
    ]


def test_one_split_is_enough_for_both(root: Path, tmp_path: Path) -> None:
    card = load_card('ntu60_hiclr')
    lines = describe(prepare(card, root, tmp_path / 'out').archive, card)
    assert '  split xsub: 2 train, 1 test, 0 twins across the split' in lines
    assert '  split xview: 2 train, 1 test, 0 twins across the split' in lines


def test_reads_labels_that_python_2_wrote(root: Path) -> None:
    # pickle protocol 2 of Python 2: names are byte strings, opcode U
    names = b''.join(b'U\x14' + name.encode() for name in NAMES[:2])
    text = b'\x80\x02]q\x00(' + names + b'e]q\x01(K\x00K\x01e\x86.'
    (root / 'xsub/train_label.pkl').write_bytes(text)
    assert [s.name for s in read(root)] == NAMES


def test_two_arrays_of_one_subset_are_ambiguous(root: Path) -> None:
    write_data(root, 'xsub', 'data_joint')
    with pytest.raises(DataError, match=r'(?s)two files hold the .* xsub/train.*data_joint.*position'):
        read(root)


def test_splits_of_different_sequences_are_refused(root: Path) -> None:
    write_labels(write_data(root, 'xview'), 'xview')
    (root / 'xview/val_label.pkl').write_bytes(pickle.dumps((['S001C001P009R001A001'], [0])))
    with pytest.raises(DataError, match='xview and xsub do not divide the same sequences'):
        read(root)


def test_a_sequence_in_both_subsets_is_refused(root: Path) -> None:
    (root / 'xsub/val_label.pkl').write_bytes(pickle.dumps(([NAMES[0]], [0])))
    with pytest.raises(DataError, match=r'(?s)1 sequences stand in two subsets of xsub.*A001'):
        read(root)


@pytest.mark.parametrize(
    ('content', 'message'),
    [
        ((NAMES[:1], [0]), r'(?s)differ in their number of sequences.*2 sequences, 1 labels'),
        ((NAMES[:2], [0]), 'no pair of names and labels'),
        ((NAMES[:2], ['a', 'b']), 'no pair of names and labels'),
        ([1, 2, 3], 'no pair of names and labels'),
        (5, 'no pair of names and labels'),
        ((1, 2), 'no pair of names and labels'),
    ],
)
def test_malformed_labels_are_refused(root: Path, content: Any, message: str) -> None:
    (root / 'xsub/train_label.pkl').write_bytes(pickle.dumps(content))
    with pytest.raises(DataError, match=message):
        read(root)


@pytest.mark.parametrize(
    'array', [np.ones((2, 3, 10, 25)), np.ones((2, 3, 10, 20, 2)), np.ones((2, 2, 10, 25, 2))]
)
def test_a_malformed_array_is_refused(root: Path, array: np.ndarray) -> None:
    np.save(root / 'xsub/train_position.npy', array)
    with pytest.raises(DataError, match=r'wrong form \(xsub/train_position.npy\)'):
        read(root)


def test_a_source_without_arrays_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match='holds no array'):
        read(write_labels(tmp_path, 'xsub'))


class Trap:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return os.mkdir, (str(self.path),)


def test_code_in_a_label_file_is_not_run(root: Path, tmp_path: Path) -> None:
    (root / 'xsub/train_label.pkl').write_bytes(pickle.dumps((NAMES[:2], [Trap(tmp_path / 'trap'), 0])))
    with pytest.raises(DataError, match='foreign object'):
        read(root)
    assert not (tmp_path / 'trap').exists()
