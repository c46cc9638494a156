from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from skelreg.datasets.cards import load_card
from skelreg.datasets.readers.base import Sequence, check_sequence, list_sources
from skelreg.datasets.readers.nucla import NUCLAReader
from skelreg.errors import DataError

RawFile = Callable[..., Path]


def read(folder: Path) -> list[Sequence]:
    """All sequences of a folder, each checked as `prepare` checks it."""
    reader = NUCLAReader(load_card('nucla'))
    sequences = [sequence for source in reader.sources(folder) for sequence in reader.read(source)]
    for sequence in sequences:
        check_sequence(sequence, reader.card, where=sequence.name)
    return sequences


def test_reads_frames_label_and_columns(raw_file: RawFile) -> None:
    skeletons = np.arange(2 * 60).reshape(2, 20, 3).tolist()
    (sequence,) = read(raw_file('a08_s10_e02_v03', label=7, skeletons=skeletons))
    assert (sequence.name, sequence.label) == ('a08_s10_e02_v03', 6)
    assert sequence.columns == dict(subject=10, camera=3, view=3, setup=1, episode=2)
    np.testing.assert_array_equal(sequence.frames[:, 0], np.float32(skeletons))


def test_keeps_a_sequence_of_one_frame(raw_file: RawFile) -> None:
    (sequence,) = read(raw_file(skeletons=np.ones((1, 20, 3)).tolist()))
    assert sequence.frames.shape == (1, 1, 20, 3)


def frame_with(value: object) -> list[object]:
    joints: list[object] = np.ones((20, 3)).tolist()
    joints[4] = [0.0, value, 0.0]
    return [np.ones((20, 3)).tolist(), joints]


@pytest.mark.parametrize(
    ('fields', 'message'),
    [
        (dict(label=0), r'label is out of range \(a01_s01_e00_v01.json, label'),
        (dict(label=11), 'label is out of range'),
        (dict(label='1'), "got: '1'"),
        (dict(label=2), 'label contradicts the file name'),
        (dict(file_name='a01_s01_e00_v02'), 'named otherwise inside'),
        (dict(skeletons=[]), 'sequence is empty'),
        (dict(skeletons=None), 'sequence is empty'),
        (dict(skeletons=[[[0, 0, 0]] * 19]), r'number of joints \(.*skeletons\[0\]\)\n  got: 19 joints'),
        (dict(skeletons=frame_with(None)), r'no triple of numbers \(.*skeletons\[1\]\[4\]'),
        (dict(skeletons=frame_with([1])), 'no triple of numbers'),
        (dict(skeletons=frame_with(float('nan'))), 'not finite .*frame 1, body 0, joint 4, y'),
        (dict(skeletons=frame_with(float('-inf'))), 'not finite'),
        (dict(skeletons=frame_with(1e300)), 'not finite'),
        (dict(skeletons=frame_with(10**400)), 'too great'),
        (dict(skeletons=np.zeros((3, 20, 3)).tolist()), 'wrong number of bodies'),
    ],
)
def test_names_what_is_malformed(raw_file: RawFile, fields: dict[str, object], message: str) -> None:
    with pytest.raises(DataError, match=message):
        read(raw_file(**fields))


@pytest.mark.parametrize(
    ('text', 'message'),
    [
        (
            '{"file_name": "a01_s01_e00_v01", "skeletons": [[[0.1, 0',
            r'truncated or no JSON \(.*line 1, column',
        ),
        ('', 'truncated or no JSON'),
        ('[]', 'no file_name, label, skeletons'),
        ('{"label": 1}', 'no file_name, skeletons'),
    ],
)
def test_names_a_file_that_is_no_sequence(raw_file: RawFile, text: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        read(raw_file(text=text))


def test_names_a_file_that_is_no_text(raw_file: RawFile) -> None:
    folder = raw_file()
    (folder / 'a01_s01_e00_v01.json').write_bytes(b'{"a": "\xff\xfe"}')
    with pytest.raises(DataError, match='no text'):
        read(folder)


def test_refuses_a_name_without_meaning(raw_file: RawFile) -> None:
    with pytest.raises(DataError, match='file name says neither'):
        read(raw_file('a01_notes'))


def test_a_zip_and_its_folder_agree(raw_file: RawFile, tmp_path: Path) -> None:
    folder = raw_file('a02_s01_e00_v01')
    raw_file('a01_s01_e00_v01')
    with zipfile.ZipFile(tmp_path / 'all.zip', 'w') as file:
        for path in folder.iterdir():
            file.write(path, f'all/{path.name}')
    from_zip, from_folder = read(tmp_path / 'all.zip'), read(folder)
    assert (
        [s.name for s in from_zip] == [s.name for s in from_folder] == ['a01_s01_e00_v01', 'a02_s01_e00_v01']
    )
    np.testing.assert_array_equal(from_zip[1].frames, from_folder[1].frames)


def test_names_a_damaged_zip(tmp_path: Path) -> None:
    (tmp_path / 'all.zip').write_bytes(b'PK\x03\x04 cut off')
    with pytest.raises(DataError, match='zip is damaged'):
        list_sources(tmp_path / 'all.zip', '.json')


def test_names_a_damaged_member(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / 'all.zip', 'w') as file:
        file.writestr('a01_s01_e00_v01.json', json.dumps(list(range(99))))
    content = (tmp_path / 'all.zip').read_bytes()
    (tmp_path / 'all.zip').write_bytes(content.replace(b'10, 11', b'10, 12'))
    with pytest.raises(DataError, match=r'cannot be read .a01_s01_e00_v01'):
        read(tmp_path / 'all.zip')


@pytest.mark.parametrize('make', [lambda p: p.mkdir(), lambda p: None])
def test_refuses_a_source_without_files(tmp_path: Path, make: Callable[[Path], None]) -> None:
    make(tmp_path / 'raw')
    with pytest.raises(DataError, match=r'not found|holds no'):
        list_sources(tmp_path / 'raw', '.json')


def test_refuses_two_files_of_one_name(raw_file: RawFile) -> None:
    folder = raw_file()
    (folder / 'copy').mkdir()
    (folder / 'copy' / 'a01_s01_e00_v01.json').write_text('{}')
    with pytest.raises(DataError, match='two raw files have one name'):
        list_sources(folder, '.json')
