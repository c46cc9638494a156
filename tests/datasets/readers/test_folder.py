from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from skelreg.datasets.archive import SkeletonArchive
from skelreg.datasets.cards import DatasetCard, load_card
from skelreg.datasets.counts import describe
from skelreg.datasets.dataset import SkeletonDataset
from skelreg.datasets.prepare import prepare
from skelreg.datasets.readers.base import Sequence, check_sequence
from skelreg.datasets.readers.folder import FolderReader
from skelreg.errors import ConfigError, DataError

LAYOUT = dict(joints=['hip', 'head', 'hand'], edges=[['head', 'hip'], ['hand', 'head']], centre='hip')
CARD = dict(
    name='mine',
    title='mine',
    reader='FolderReader',
    layout='stick3.yaml',
    channels=['x', 'y'],
    max_bodies=2,
    num_classes=2,
    class_names=['sit', 'stand'],
    splits={'all': {'train': {'subject': [1]}, 'test': {'subject': [2]}}},
)
FRAMES = np.arange(1, 25, dtype=np.float32).reshape(4, 3, 2)  # (T, V, C)


@pytest.fixture(scope='module')
def card(tmp_path_factory: pytest.TempPathFactory) -> DatasetCard:
    folder = tmp_path_factory.mktemp('card')
    (folder / 'stick3.yaml').write_text(yaml.safe_dump(LAYOUT))
    (folder / 'card.yaml').write_text(yaml.safe_dump(CARD))
    return load_card(folder / 'card.yaml')


def table(frames: np.ndarray, header: str = 'hip_x,hip_y,head_x,head_y,hand_x,hand_y') -> str:
    rows = [','.join(map(str, row)) for row in frames.reshape(len(frames), -1).tolist()]
    return '\n'.join([header, *rows]) + '\n'


def read(folder: Path, card: DatasetCard, index: str = '') -> list[Sequence]:
    if index:
        (folder / 'index.csv').write_text(index)
    reader = FolderReader(card)
    sequences = [sequence for source in reader.sources(folder) for sequence in reader.read(source)]
    for sequence in sequences:
        check_sequence(sequence, card, where=sequence.name)
    return sequences


WRITERS: dict[str, Callable[[Path, np.ndarray], Any]] = {
    'a.npy': np.save,
    'b.npz': lambda path, frames: np.savez(path, frames),
    'c.npz': lambda path, frames: np.savez(path, other=np.ones(2), skeleton=frames),
    'd.json': lambda path, frames: path.write_text(json.dumps(frames.tolist())),
    'e.json': lambda path, frames: path.write_text(json.dumps({'skeleton': frames.tolist(), 'fps': 30})),
}


@pytest.mark.parametrize('bodies', [1, 2])
@pytest.mark.parametrize('name', WRITERS)
def test_every_format_gives_the_same_frames(
    tmp_path: Path, card: DatasetCard, name: str, bodies: int
) -> None:
    expected = np.stack([FRAMES, FRAMES + 100], axis=1)[:, :bodies]
    WRITERS[name](tmp_path / name, FRAMES.astype(np.float64) if bodies == 1 else expected)
    (sequence,) = read(tmp_path, card, f'file,label\n{name},1\n')
    assert (sequence.name, sequence.label, sequence.frames.dtype) == (name[0], 1, np.float32)
    np.testing.assert_array_equal(sequence.frames, expected)


def test_a_table_may_have_its_columns_in_any_order(tmp_path: Path, card: DatasetCard) -> None:
    text = table(FRAMES[:, ::-1, ::-1], header='hand_y,hand_x,head_y,head_x,hip_y,hip_x')
    (tmp_path / 'a.csv').write_text('\ufeff' + text.replace(',', ' , '), encoding='utf-8')
    (sequence,) = read(tmp_path, card, 'file,label\na.csv,0\n')
    np.testing.assert_array_equal(sequence.frames[:, 0], FRAMES)


def test_a_table_of_two_bodies_leaves_the_absent_one_zero(tmp_path: Path, card: DatasetCard) -> None:
    header = 'frame,body,hip_x,hip_y,head_x,head_y,hand_x,hand_y'
    (tmp_path / 'a.csv').write_text(f'{header}\n1,1,1,2,3,4,5,6\n0,0,7,8,9,10,11,12\n1,0,1,1,1,1,1,1\n')
    (sequence,) = read(tmp_path, card, 'file,label\na.csv,0\n')
    assert sequence.frames.shape == (2, 2, 3, 2)
    assert sequence.frames[1, 1].ravel().tolist() == [1, 2, 3, 4, 5, 6]
    assert sequence.frames[0, 0].ravel().tolist() == [7, 8, 9, 10, 11, 12]
    assert not sequence.frames[0, 1].any()


def test_labels_and_columns_come_from_the_index(tmp_path: Path, card: DatasetCard) -> None:
    for name in ('a', 'b', 'c'):
        (tmp_path / name).mkdir()
        np.save(tmp_path / name / 'x.npy', FRAMES)
    index = 'file,label,subject,take,part\na/x.npy,stand,3,1,train\nb/x.npy,0,4,2,\n\nc/x.npy,,-5,003,test\n'
    first, second, third = read(tmp_path, card, index)
    assert [s.name for s in (first, second, third)] == ['a/x', 'b/x', 'c/x']
    assert [s.label for s in (first, second, third)] == [1, 0, -1]
    assert first.columns == dict(subject=3, camera=-1, setup=-1, take=1, part='train')
    assert third.columns == dict(subject=-5, camera=-1, setup=-1, take=3, part='test')


@pytest.mark.parametrize(
    ('index', 'message'),
    [
        ('file\na.npy\n', 'index lacks label'),
        ('name,label\na.npy,0\n', 'index lacks file'),
        ('file,label,length\na.npy,0,4\n', r'column of the archive(?s:.*)own but name, offset, length'),
        ('file,label\n', 'lists no file'),
        ('file,label\na.npy,0\nb.npy,0\n', r'(?s)files that are not there.*got: b.npy'),
        ('file,label\na.npy,0\na.npy,1\n', r'(?s)files twice.*got: a.npy'),
        ('file,label\na.npy,2\n', r'neither a class nor its number \(index.csv, row 1'),
        ('file,label\na.npy,stnd\n', 'Closest: stand'),
        ('file,label\na.npy,-1\n', 'neither a class'),
        ('file,label\na.npy,0,7\n', r'(?s)another number of cells.*line 2.*got: 3'),
        ('file,label,label\na.npy,0,0\n', 'columns stand twice'),
        ('file,label\n../a.npy,0\n', 'files that are not there'),
    ],
)
def test_a_wrong_index_is_refused(tmp_path: Path, card: DatasetCard, index: str, message: str) -> None:
    np.save(tmp_path / 'a.npy', FRAMES)
    with pytest.raises(DataError, match=message):
        read(tmp_path, card, index)


@pytest.mark.parametrize('label', ['1', '2', '01'])
def test_a_label_that_is_both_a_name_and_another_number_is_refused(
    tmp_path: Path, card: DatasetCard, label: str
) -> None:
    np.save(tmp_path / 'a.npy', FRAMES)
    numbered = replace(card, num_classes=3, class_names=('1', '2', '01'))
    with pytest.raises(DataError, match=rf"number of another \(index.csv, row 1(?s:.*)got: '{label}'"):
        read(tmp_path, numbered, f'file,label\na.npy,{label}\n')


@pytest.mark.parametrize(('label', 'number'), [('0', 0), ('1', 1), ('9', 2), ('2', 2)])
def test_a_label_of_one_meaning_is_read(
    tmp_path: Path, card: DatasetCard, label: str, number: int
) -> None:
    np.save(tmp_path / 'a.npy', FRAMES)
    numbered = replace(card, num_classes=3, class_names=('0', '1', '9'))
    assert read(tmp_path, numbered, f'file,label\na.npy,{label}\n')[0].label == number


def test_a_file_without_a_row_is_refused(tmp_path: Path, card: DatasetCard) -> None:
    for name in ('a.npy', 'b.npy', 'notes.txt'):
        np.save(tmp_path / name, FRAMES)
    (tmp_path / 'b.csv').write_text(table(FRAMES))
    with pytest.raises(DataError, match=r'(?s)the index does not list.*got: b.csv, b.npy'):
        read(tmp_path, card, 'file,label\na.npy,0\n')


def test_names_that_differ_in_the_suffix_alone_are_refused(tmp_path: Path, card: DatasetCard) -> None:
    np.save(tmp_path / 'a.npy', FRAMES)
    (tmp_path / 'a.csv').write_text(table(FRAMES))
    with pytest.raises(DataError, match='suffix alone'):
        read(tmp_path, card, 'file,label\na.npy,0\na.csv,0\n')


def test_a_folder_without_an_index_is_refused(tmp_path: Path, card: DatasetCard) -> None:
    with pytest.raises(DataError, match=r'no index\.csv'):
        read(tmp_path, card)


def with_value(value: float) -> np.ndarray:
    frames = FRAMES.astype(np.float64)
    frames[2, 1, 0] = value
    return frames


@pytest.mark.parametrize(
    ('frames', 'message'),
    [
        (FRAMES[:, :2], r'(?s)wrong shape \(a.npy\).*got: \(4, 2, 2\).*accepted: \(T, 3, 2\).*stick3.*x, y'),
        (np.ones((4, 3, 3)), r'got: \(4, 3, 3\)'),
        (np.ones((4, 6)), r'got: \(4, 6\)'),
        (np.ones((0, 3, 2)), 'sequence is empty'),
        (np.ones((2, 3, 3, 2)), r'wrong number of bodies'),
        (np.zeros((2, 3, 2)), 'wrong number of bodies'),
        (with_value(np.nan), r'not finite \(a, frame 2, body 0, joint 1, x'),
        (with_value(1e300), 'not finite'),
        (np.array([['a']]), 'holds no numbers'),
        (np.ones((2, 3, 2), dtype=complex), 'holds no numbers'),
        (np.array([None]), 'no array of numbers'),
    ],
)
def test_wrong_frames_are_refused(
    tmp_path: Path, card: DatasetCard, frames: np.ndarray, message: str
) -> None:
    np.save(tmp_path / 'a.npy', frames)
    with pytest.raises(DataError, match=message):
        read(tmp_path, card, 'file,label\na.npy,0\n')


HEADER = 'hip_x,hip_y,head_x,head_y,hand_x,hand_y'


@pytest.mark.parametrize(
    ('file', 'content', 'message'),
    [
        ('a.json', '[[[1, 2], [3, 4', r'truncated or no JSON \(a.json, line 1'),
        ('a.json', '[[[1, 2], [3, 4], [5]]]', r'lists differ in length \(a.json\[0\]\[2\]'),
        ('a.json', '[[[1, 2], [3, 4], [5, null]]]', r'no number \(a.json\[0\]\[2\]\[1\]'),
        ('a.json', '[[[1, 2], [3, 4], [5, "6"]]]', 'no number'),
        ('a.json', '{"frames": []}', "no field 'skeleton'"),
        ('a.json', '[]', r'wrong shape'),
        ('a.json', '[' * 100_000, r'no such JSON|no JSON'),
        ('a.json', '[[[1e400, 2], [3, 4], [5, 6]]]', 'not finite'),
        ('a.json', f'[[[1{"0" * 400}, 2], [3, 4], [5, 6]]]', 'too great'),
        ('a.csv', '', 'file is empty'),
        ('a.csv', HEADER, 'a header only'),
        ('a.csv', f'{HEADER}\n1,2,3,4,5,x\n', r"no number \(a.csv, row 1, column hand_y\)\n  got: 'x'"),
        ('a.csv', f'{HEADER}\n1,2,3,4,5,\n', 'no number'),
        ('a.csv', f'{HEADER}\n1,2,3,4,5,nan\n', 'not finite'),
        ('a.csv', f'{HEADER}\n1,2,3,4,5\n', 'another number of cells'),
        ('a.csv', f'{HEADER},foot_x\n1,2,3,4,5,6,7\n', "unknown column 'foot_x'"),
        ('a.csv', 'hip_x,hip_y\n1,2\n', '4 columns missing: head_x'),
        ('a.csv', f'{HEADER},frame\n1,2,3,4,5,6,1\n', 'no frame 0'),
        ('a.csv', f'{HEADER},frame\n1,2,3,4,5,6,0.5\n', 'column frame holds no count'),
        ('a.csv', f'{HEADER},body\n1,2,3,4,5,6,2\n', 'body is out of range'),
        ('a.csv', f'{HEADER},frame\n1,2,3,4,5,6,0\n1,2,3,4,5,6,0\n', 'two rows are of one frame and body'),
        ('a.npz', 'PK', 'no array of numbers'),
    ],
)
def test_wrong_files_are_refused(
    tmp_path: Path, card: DatasetCard, file: str, content: str, message: str
) -> None:
    (tmp_path / file).write_text(content)
    with pytest.raises(DataError, match=message):
        read(tmp_path, card, f'file,label\n{file},0\n')


def test_several_arrays_without_the_named_one_are_refused(tmp_path: Path, card: DatasetCard) -> None:
    np.savez(tmp_path / 'a.npz', a=FRAMES, b=FRAMES)
    with pytest.raises(DataError, match='got: a, b'):
        read(tmp_path, card, 'file,label\na.npz,0\n')


def test_a_zip_of_other_things_is_refused(tmp_path: Path, card: DatasetCard) -> None:
    with zipfile.ZipFile(tmp_path / 'a.npz', 'w') as file:
        file.writestr('a.txt', 'text')
    with pytest.raises(DataError, match=r'no arrays: a\.txt'):
        read(tmp_path, card, 'file,label\na.npz,0\n')


def test_prepared_in_worker_processes_and_trained_on(tmp_path: Path, card: DatasetCard) -> None:
    raw, out = tmp_path / 'raw', tmp_path / 'out'
    raw.mkdir()
    for i in range(4):
        np.save(raw / f'{i}.npy', FRAMES + i)
    rows = ''.join(f'{i}.npy,{i % 2},{i // 2 + 1}\n' for i in range(4))
    (raw / 'index.csv').write_text('file,label,subject\n' + rows)
    assert prepare(card, raw, out, workers=2, chunk_size=2).archive.layout.name == 'stick3'
    dataset = SkeletonDataset(str(Path(card.layout).with_name('card.yaml')), out, 'all', 'test', num_frames=4)
    assert dataset.layout.num_joints == 3 and len(dataset) == 2
    batch = dataset.__getitems__([1])
    np.testing.assert_allclose(batch['inputs'][0, :, :, :, 0].permute(1, 2, 0), FRAMES + 3)
    assert not prepare(card, raw, out).is_new
    (raw / 'index.csv').write_text('file,label,subject\n' + rows.replace('3.npy,1', '3.npy,0'))
    with pytest.raises(DataError, match='other raw files'):
        prepare(card, raw, out)
    assert len(SkeletonArchive.open(out)) == 4


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        (dict(class_names=[True, 'stand']), 'class name True is no text'),
        (dict(class_names=['sit']), '1 class names for 2 classes'),
        (dict(splits={'all': {'train': {}}}), "split 'all' has no rules for both"),
        (dict(splits={'all': None}), "split 'all' has no rules for both"),
        (dict(layuot='x'), r"(?s)no field 'layuot'.*Closest: layout"),
    ],
)
def test_a_malformed_card_is_refused(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    (tmp_path / 'card.yaml').write_text(yaml.safe_dump({**CARD, 'layout': 'nucla', **change}))
    with pytest.raises(ConfigError, match=message):
        load_card(tmp_path / 'card.yaml')


def test_a_rule_over_a_column_that_is_not_there_names_the_closest(tmp_path: Path) -> None:
    (tmp_path / 'raw').mkdir()
    np.save(tmp_path / 'raw/a.npy', np.ones((2, 20, 3)))
    (tmp_path / 'raw/index.csv').write_text('file,label,subject\na.npy,0,1\n')
    splits = {'all': {'train': {'subjct': 1}, 'test': {'subject': 2}}}
    changed = {**CARD, 'layout': 'nucla', 'channels': ['x', 'y', 'z'], 'splits': splits}
    (tmp_path / 'card.yaml').write_text(yaml.safe_dump(changed))
    card = load_card(tmp_path / 'card.yaml')
    prepared = prepare(card, tmp_path / 'raw', tmp_path / 'out')
    with pytest.raises(ConfigError, match=r"(?s)column 'subjct'.*Closest: subject"):
        describe(prepared.archive, card)


def test_a_card_whose_layout_file_is_missing_says_so(tmp_path: Path) -> None:
    (tmp_path / 'card.yaml').write_text(yaml.safe_dump(CARD))
    with pytest.raises(ConfigError, match=r'layout file cannot be read \(.*stick3.yaml'):
        load_card(tmp_path / 'card.yaml')
