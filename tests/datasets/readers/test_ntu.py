from __future__ import annotations

import re
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from skelreg.datasets.cards import load_card
from skelreg.datasets.readers.base import Sequence, check_sequence
from skelreg.datasets.readers.ntu import NTUReader, missing_skeletons
from skelreg.errors import DataError
from tests.datasets.readers.raw_text import NTU, ntu_text, write_ntu
from tests.reference.raw_skeletons import first_bodies, moving_bodies, read_ntu


def read(folder: Path, dataset: str = 'ntu60', **options: Any) -> Sequence:
    """The one sequence of a folder, checked as `prepare` checks it."""
    reader = NTUReader(load_card(dataset), **options)
    (source,) = reader.sources(folder)
    (sequence,) = reader.read(source)
    check_sequence(sequence, reader.card, where=source.name)
    return sequence


@pytest.mark.parametrize('end', ['\n', '\r\n'])
def test_reads_frames_label_and_columns(tmp_path: Path, end: str) -> None:
    text = ntu_text([(0,), (), (0, 1, 2), (2, 1)], end=end)
    sequence = read(write_ntu(tmp_path, text=text))
    assert (sequence.name, sequence.label) == (NTU, 3)
    assert sequence.columns == dict(
        subject=3, camera=2, setup=1, repeat=1, body_ids=3, empty_frames=1, crowded_frames=1
    )
    np.testing.assert_array_equal(sequence.frames, first_bodies(read_ntu(text.encode())))
    assert not sequence.frames[1].any() and not sequence.frames[0, 1].any()


def test_the_most_moving_bodies_keep_their_place(tmp_path: Path) -> None:
    text = ntu_text([(0, 1, 2), (2, 1), (1, 0, 2), (2,)])
    sequence = read(write_ntu(tmp_path, text=text), bodies='energy')
    np.testing.assert_array_equal(sequence.frames, moving_bodies(read_ntu(text.encode())))


def test_a_body_that_stands_still_comes_last(tmp_path: Path) -> None:
    lines = ntu_text([(0, 1)] * 3).splitlines()
    headers = [i for i, line in enumerate(lines) if line.startswith('72057594037931101')]
    for header in headers:  # all joints of the first body in one place
        lines[header + 2 : header + 27] = ['1 1 1' + ' 0' * 9] * 25
    folder = write_ntu(tmp_path, text='\n'.join(lines))
    assert (read(folder).frames[:, 0] == 1).all()
    assert (read(folder, bodies='energy').frames[:, 1] == 1).all()


def test_ids_that_differ_in_the_last_of_64_bits_are_two_bodies(tmp_path: Path) -> None:
    assert read(write_ntu(tmp_path, text=ntu_text([(0,), (1,)]))).columns['body_ids'] == 2


def test_blank_lines_change_nothing(tmp_path: Path) -> None:
    expected = read(write_ntu(tmp_path)).frames
    spaced = ntu_text().replace('\n25\n', '\n\n25\n')
    np.testing.assert_array_equal(read(write_ntu(tmp_path, text=spaced)).frames, expected)


def changed(line: int, new: str | None, count: int = 1) -> str:
    """The file with some lines, from `line` (from 1), replaced; None drops them."""
    lines = ntu_text().splitlines()
    lines[line - 1 : line - 1 + count] = [] if new is None else [new]
    return '\n'.join(lines) + '\n'


JOINT = '0.1 0.2 0.3' + ' 0' * 9


@pytest.mark.parametrize(
    ('text', 'message'),
    [
        ('', 'file is empty'),
        ('0\n', r'sequence is empty'),
        ('2\n0\n0\n', 'wrong number of bodies'),
        ('x\n', r'number of frames is no number \(.*line 1\)'),
        ('-1\n', 'number of frames is no number'),
        (changed(2, '1.0'), r'number of bodies is no number \(.*line 2\)'),
        (changed(2, '2'), r'number of bodies is no number|breaks off|wrong number of'),
        (changed(2, '99999999999'), 'breaks off'),
        (changed(1, '4'), 'breaks off'),
        (changed(1, '2'), r'goes on after its last frame \(.*line 85\)'),
        (changed(100, None, count=99), 'breaks off'),
        (changed(3, 'nobody 0 1 1 1 1 0 0.02 0.05 2'), r'body id is no number \(.*line 3\)'),
        (changed(3, '7 0 1 1 1 1 0 0.02 0.05'), r'line of a body has the wrong number .*line 3\)'),
        (changed(4, '24'), r'wrong number of joints \(.*line 4\)\n  got: 24\n  accepted: 25'),
        (changed(7, None), 'breaks off|wrong number of values'),
        (changed(7, JOINT + ' 0'), r'line of a joint has the wrong number of values \(.*line 7\)'),
        (changed(7, JOINT.replace('0.2', 'abc')), r"line 7, field 2 \(y\)\)\n  got: b'abc'"),
        (changed(7, JOINT.replace('0.2', 'nan')), 'no finite number'),
        (changed(7, JOINT.replace('0.3', '-inf')), r'field 3 \(z\)'),
        (changed(7, JOINT.replace('0.3', '1e39')), r'field 3 \(z\)'),
        (changed(7, JOINT.replace('0.1', '1_0')), r'field 1 \(x\)'),
    ],
)
def test_names_what_is_malformed(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(DataError, match=message) as raised:
        read(write_ntu(tmp_path, text=text))
    assert NTU in str(raised.value)


@pytest.mark.parametrize(
    ('name', 'message'),
    [
        ('S001C001P001R001', 'neither action nor subject'),
        ('S001C001P001R001A061', r'action in the file name is out of range(.|\n)*got: 61\n  accepted: 1..60'),
        ('S001C001P001R001A000', 'action in the file name'),
        ('S001C004P001R001A001', 'camera in the file name'),
        ('S001C001P000R001A001', 'subject in the file name'),
        ('S033C001P001R001A001', 'setup in the file name'),
    ],
)
def test_refuses_names_of_what_does_not_exist(tmp_path: Path, name: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        read(write_ntu(tmp_path, name))


def test_two_bodies_with_one_id_cannot_be_ranked(tmp_path: Path) -> None:
    folder = write_ntu(tmp_path, text=ntu_text([(0,), (1, 1)]))
    assert read(folder).frames.shape[1] == 2
    with pytest.raises(DataError, match=r'two bodies of a frame have one id .*frame 1'):
        read(folder, bodies='energy')


def test_refuses_another_way_to_choose_bodies() -> None:
    with pytest.raises(ValueError, match="'first' or 'energy', got 'all'"):
        NTUReader(load_card('ntu60'), bodies='all')  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ('dataset', 'name', 'reason'),
    [
        ('ntu60', 'S001C002P005R002A008', 'missing or incomplete'),
        ('ntu120', 'S019C001P046R001A075', 'missing or incomplete'),
        ('ntu60', 'S019C001P046R001A075', 'part of NTU RGB.D 120'),
        ('ntu60', NTU, None),
        ('ntu120', 'S018C002P008R001A062', None),
    ],
)
def test_excludes_what_is_listed_and_the_extension(
    tmp_path: Path, dataset: str, name: str, reason: str | None
) -> None:
    reader = NTUReader(load_card(dataset))
    (source,) = reader.sources(write_ntu(tmp_path, name))
    found = reader.exclusion(source)
    assert found is None if reason is None else re.search(reason, str(found))


def test_the_lists_are_those_of_the_publishers(real_data: Path) -> None:
    for file, last_setup in (('NTU_RGBD', 17), ('NTU_RGBD120', 32)):
        text = (real_data / 'ntu-rgbd' / f'{file}_samples_with_missing_skeletons.txt').read_text()
        published = set(re.findall(r'^S\d{3}C\d{3}P\d{3}R\d{3}A\d{3}', text, re.MULTILINE))
        assert {name for name in missing_skeletons() if int(name[1:4]) <= last_setup} == published


def test_expected_counts_are_all_files_but_the_listed() -> None:
    of_60 = sum(int(name[1:4]) <= 17 for name in missing_skeletons())
    assert (of_60, len(missing_skeletons())) == (302, 535)
    for dataset, files, missing in (('ntu60', 56_880, of_60), ('ntu120', 114_480, 535)):
        expected = load_card(dataset).expected
        assert expected['sequences'] == files - missing
        assert all(sum(c.values()) == files - missing for c in expected.values() if isinstance(c, dict))


@pytest.mark.parametrize('bodies', ['first', 'energy'])
def test_recorded_files_are_read_as_line_by_line(real_data: Path, bodies: str) -> None:
    reader = NTUReader(load_card('ntu60'), bodies)  # type: ignore[arg-type]
    choose = first_bodies if bodies == 'first' else moving_bodies
    sources = reader.sources(real_data / 'ntu-rgbd' / 'skeletons')
    assert len(sources) == 12
    for source in sources:
        (sequence,) = reader.read(source)
        check_sequence(sequence, reader.card, where=source.name)
        np.testing.assert_array_equal(sequence.frames, choose(read_ntu(source.read_bytes())))


def test_the_downloaded_zips_need_not_be_unpacked(tmp_path: Path) -> None:
    folder = write_ntu(tmp_path / 'raw')
    (tmp_path / 'zips').mkdir()
    with zipfile.ZipFile(tmp_path / 'zips' / 'nturgbd_skeletons.zip', 'w') as file:
        file.write(folder / f'{NTU}.skeleton', f'nturgb+d_skeletons/{NTU}.skeleton')
    np.testing.assert_array_equal(read(tmp_path / 'zips').frames, read(folder).frames)
