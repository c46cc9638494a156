from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from skelreg.datasets.cards import load_card
from skelreg.datasets.readers.base import Sequence, Source, check_sequence
from skelreg.datasets.readers.pku_mmd import PKUMMDReader
from skelreg.errors import DataError
from tests.datasets.readers.raw_text import PKU, pku_text, write_pku
from tests.reference.raw_skeletons import read_pku, read_pku_labels


def read(folder: Path, part: int = 1) -> list[Sequence]:
    """All sequences of a folder, each checked as `prepare` checks it."""
    reader = PKUMMDReader(load_card('pku_mmd'), part)
    found = [(source, sequence) for source in reader.sources(folder) for sequence in reader.read(source)]
    for source, sequence in found:
        check_sequence(sequence, reader.card, where=f'{source.name}, {sequence.name}')
    return [sequence for _, sequence in found]


def test_cuts_actions_in_the_order_of_time(tmp_path: Path) -> None:
    first, second = read(write_pku(tmp_path))
    assert (first.name, first.label) == ('0002-L-00000-00004-A01', 0)
    assert (second.name, second.label) == ('0002-L-00006-00012-A03', 2)
    whole = read_pku(pku_text().encode())
    np.testing.assert_array_equal(first.frames, whole[:4])
    np.testing.assert_array_equal(second.frames, whole[6:12])
    assert second.frames[1, 1].any() and not second.frames[2:, 1].any()
    assert second.columns == dict(
        subject=-1, camera='L', setup=1, video='0002', xsub='train', xview='train',
        confidence=2, empty_frames=0, missing_frames=0,
    )


@pytest.mark.parametrize(('name', 'subset'), [('0002-R', 'train'), ('0003-M', 'test'), ('0004-M', 'neither')])
def test_lists_say_which_subset_a_recording_is_in(tmp_path: Path, name: str, subset: str) -> None:
    sequence = read(write_pku(tmp_path, name))[0]
    assert sequence.columns['xsub'] == sequence.columns['xview'] == subset


def test_part_two_has_names_and_lists_of_its_own(tmp_path: Path) -> None:
    write_pku(tmp_path, 'A01N02-M', test='A01N02-M', suffix='_v2')
    (tmp_path / 'Split' / 'cross-subject_v2.txt').rename(tmp_path / 'Split' / 'cross_subject_v2.txt')
    sequence = read(tmp_path, part=2)[0]
    assert (sequence.columns['video'], sequence.columns['xsub']) == ('A01N02', 'test')


def test_the_other_part_is_excluded(tmp_path: Path) -> None:
    write_pku(tmp_path)
    write_pku(tmp_path, 'A01N02-M')
    reader = PKUMMDReader(load_card('pku_mmd'))
    assert {s.stem: reader.exclusion(s) for s in reader.sources(tmp_path)} == {
        PKU: None, 'A01N02-M': 'part of PKU-MMD II'
    }


def test_frames_that_a_recording_does_not_have_are_counted(tmp_path: Path) -> None:
    (sequence,) = read(write_pku(tmp_path, labels='1,10,15,1\n'))
    assert len(sequence.frames) == 2 and sequence.columns['missing_frames'] == 3


def test_frames_without_a_body_are_counted(tmp_path: Path) -> None:
    rows = pku_text().splitlines()
    rows[1] = ' '.join(['0'] * 150)
    (sequence,) = read(write_pku(tmp_path, text='\n'.join(rows), labels='1,0,3,1'))
    assert sequence.columns['empty_frames'] == 1


@pytest.mark.parametrize(
    ('labels', 'message'),
    [
        ('1,5,3,1\n', r'ends before it starts: frames 5 to 3 \(.*0002-L-00005-00003-A01'),
        ('1,5,5,1\n', 'ends before it starts'),
        ('1,12,14,1\n', 'beyond the recording: frame 12 of 12'),
        ('', r'label file is empty \(label/0002-L.txt\)'),
        ('1,0,4\n', r'line is no label \(label/0002-L.txt, line 1\)'),
        ('1,0,4,1\n\n2,a,4,1\n', r'line is no label \(.*line 3\)'),
        ('1,-2,4,1\n', 'line is no label'),
        ('52,0,4,1\n', r'class is out of range \(.*line 1\)\n  got: 52\n  accepted: 1..51'),
        ('0,0,4,1\n', 'class is out of range'),
        ('1,0,4,1\n1,0,4,1\n', r'twice \(.*line 2\)\n  got: lines 1 and 2'),
        (None, r'has no label file \(skeleton/0002-L.txt\)'),
    ],
)
def test_names_labels_that_make_no_sequence(tmp_path: Path, labels: str | None, message: str) -> None:
    write_pku(tmp_path, '0003-M')
    with pytest.raises(DataError, match=message):
        read(write_pku(tmp_path, labels=labels))


def test_names_a_recording_without_any_labels(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r'no label file .*\n  got: .*0002-L'):
        read(write_pku(tmp_path, labels=None))


def changed(**tokens: Any) -> str:
    """The recording with a token of its third row replaced."""
    rows = [row.split() for row in pku_text().splitlines()]
    for index, token in tokens.items():
        rows[2][int(index[1:])] = token
    return '\n'.join(' '.join(row) for row in rows)


@pytest.mark.parametrize(
    ('text', 'message'),
    [
        ('', 'file is empty'),
        (changed(_7=''), r'wrong number of values \(skeleton/0002-L.txt, line 3\)\n  got: 149'),
        (pku_text()[:-40], r'wrong number of values \(.*line 12\)|no finite number'),
        (changed(_7='x'), r"no finite number \(.*line 3, field 8 \(y\)\)\n  got: b'x'"),
        (changed(_9='inf'), r'line 3, field 10 \(x\)'),
    ],
)
def test_names_what_is_malformed(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        read(write_pku(tmp_path, text=text))


def test_refuses_names_without_meaning(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r'neither video nor view \(skeleton/0002-X.txt\)'):
        read(write_pku(tmp_path, '0002-X'))


def test_refuses_a_source_of_another_reader() -> None:
    with pytest.raises(TypeError, match='this reader made no Source'):
        PKUMMDReader(load_card('pku_mmd')).read(Source('0002-L.txt', '0002-L.txt', '', ''))


def test_a_readme_is_no_recording(tmp_path: Path) -> None:
    write_pku(tmp_path)
    (tmp_path / 'README.txt').write_text('PKU-MMD')
    assert len(read(tmp_path)) == 2


@pytest.mark.parametrize(
    ('lists', 'message'),
    [
        (dict(train='0002-L', test='0003-L, 0002-L'), 'stand in both subsets.*\n  got: 0002-L'),
        (dict(suffix='_v2'), 'no list of the split xsub'),
    ],
)
def test_names_lists_that_make_no_split(tmp_path: Path, lists: dict[str, str], message: str) -> None:
    with pytest.raises(DataError, match=message):
        read(write_pku(tmp_path, **lists))


def test_names_a_list_that_breaks_off(tmp_path: Path) -> None:
    write_pku(tmp_path)
    (tmp_path / 'Split' / 'cross-view.txt').write_text('Training videos: \n0002-L')
    with pytest.raises(DataError, match=r'split list breaks off \(Split/cross-view.txt\)'):
        read(tmp_path)


def test_a_change_of_labels_or_lists_changes_the_stamp(tmp_path: Path) -> None:
    folder = write_pku(tmp_path)

    def stamp() -> str:
        (source,) = PKUMMDReader(load_card('pku_mmd')).sources(folder)
        return source.stamp

    stamps = [stamp()]
    for file, text in (('label/0002-L.txt', '1,0,4,1\n'), ('Split/cross-view.txt', 'a\n0002-R\nb\n0002-L')):
        (folder / file).write_text(text)
        stamps.append(stamp())
    assert len(set(stamps)) == 3


def test_refuses_a_third_part() -> None:
    with pytest.raises(ValueError, match='part must be 1 or 2, got 3'):
        PKUMMDReader(load_card('pku_mmd'), 3)


def test_zips_and_their_folders_agree(tmp_path: Path) -> None:
    folder = write_pku(tmp_path / 'raw')
    (tmp_path / 'zips').mkdir()
    for name, parts in (('labels', ('label', 'Split')), ('videos', ('skeleton',))):
        with zipfile.ZipFile(tmp_path / 'zips' / f'{name}.zip', 'w') as file:
            for path in (p for part in parts for p in (folder / part).iterdir()):
                file.write(path, path.relative_to(folder).as_posix())
    for zipped, loose in zip(read(tmp_path / 'zips'), read(folder), strict=True):
        assert (zipped.name, zipped.columns) == (loose.name, loose.columns)
        np.testing.assert_array_equal(zipped.frames, loose.frames)


def test_recordings_are_read_as_line_by_line(real_data: Path) -> None:
    reader = PKUMMDReader(load_card('pku_mmd'))
    sources = reader.sources(real_data / 'pku-mmd')
    assert len(sources) == 6
    for source in sources[::2]:  # both videos, all three views
        whole = read_pku(source.read_bytes())
        labels = read_pku_labels(source.label.read_bytes())  # type: ignore[attr-defined]
        sequences = reader.read(source)
        assert [s.label for s in sequences] == [action - 1 for action, *_ in labels]
        for sequence, (_, start, end, _) in zip(sequences, labels, strict=True):
            check_sequence(sequence, reader.card, where=sequence.name)
            np.testing.assert_array_equal(sequence.frames, whole[start:end])


def test_published_label_files_hold_what_the_card_expects(real_data: Path) -> None:
    expected = load_card('pku_mmd').expected
    with zipfile.ZipFile(real_data / 'pku-mmd' / 'labels.zip') as file:
        count = {
            Path(name).stem: len(file.read(name).decode().split())
            for name in file.namelist()
            if name.startswith('Train_Label') and name.endswith('.txt')
        }
        for column, title in (('xsub', 'subject'), ('xview', 'view')):
            _, train, _, test = file.read(f'Split/cross-{title}.txt').decode().splitlines()
            for subset, names in (('train', train), ('test', test)):
                listed = [name.strip() for name in names.split(',') if name.strip()]
                assert sum(count[name] for name in listed) == expected[column][subset]
    assert sum(count.values()) == expected['sequences']
