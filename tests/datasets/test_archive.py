from __future__ import annotations

import errno
import json
import os
import pickle
from pathlib import Path

import numpy as np
import pytest

from skelreg.datasets.archive import SkeletonArchive
from skelreg.datasets.archive_writer import ArchiveWriter
from skelreg.errors import DataError

from .samples import META, random_frames


def in_memory(**changes: object) -> SkeletonArchive:
    frames = random_frames(5)
    index = dict(name=['a', 'b'], label=[0, 9], offset=[0, 2], length=[2, 3], bodies=[1, 1])
    return SkeletonArchive(frames, {**index, **changes}, META)


def test_gives_back_what_was_written(archive: SkeletonArchive) -> None:
    np.testing.assert_array_equal(archive.sequence(3), random_frames(4))
    assert archive.index['name'][3] == 's03' and archive.index['view'].dtype == np.int64


def test_maps_frames_instead_of_reading_them(archive: SkeletonArchive) -> None:
    assert isinstance(archive.frames, np.memmap)


def test_copies_share_a_digest(archive: SkeletonArchive) -> None:
    assert archive.index['digest'][8] == archive.index['digest'][1]
    assert len(set(archive.index['digest'])) == 11


def test_checksum_is_the_same_in_memory_and_on_disk(archive: SkeletonArchive) -> None:
    copy = SkeletonArchive(np.array(archive.frames), archive.index, archive.meta)
    assert copy.checksum == archive.checksum


def test_checksum_follows_the_frames(archive: SkeletonArchive) -> None:
    index = {name: column for name, column in archive.index.items() if name != 'digest'}
    assert SkeletonArchive(np.array(archive.frames) + 1, index, archive.meta).checksum != archive.checksum


def test_travels_to_workers_without_its_frames(archive: SkeletonArchive) -> None:
    copy = pickle.loads(pickle.dumps(archive))
    assert len(pickle.dumps(archive)) < 5000 < archive.frames.nbytes
    np.testing.assert_array_equal(copy.frames, archive.frames)


@pytest.mark.parametrize(
    ('changes', 'message'),
    [
        (dict(label=[0, 10]), "label of sequence 'b' is out of range"),
        (dict(label=[-2, 0]), "label of sequence 'a'"),
        (dict(length=[0, 5]), 'length of sequence'),
        (dict(length=[2, 2]), 'index and frames disagree'),
        (dict(offset=[0, 3]), "offset of sequence 'b'"),
        (dict(bodies=[1, 2]), "bodies of sequence 'b'"),
        (dict(bodies=[0, 1]), "bodies of sequence 'a'"),
        (dict(name=['a', 'a']), 'names are not unique'),
        (dict(view=[1]), 'columns of the index differ in length'),
    ],
)
def test_refuses_an_index_that_contradicts_itself(changes: dict[str, list[int]], message: str) -> None:
    with pytest.raises(DataError, match=message):
        in_memory(**changes)


@pytest.mark.parametrize(
    ('frames', 'message'),
    [(np.zeros((5, 1, 20, 3)), 'wrong form'), (np.zeros((5, 1, 25, 3), np.float32), 'do not fit the layout')],
)
def test_refuses_frames_of_another_form(frames: np.ndarray, message: str) -> None:
    with pytest.raises(DataError, match=message):
        SkeletonArchive(frames, in_memory().index, META)


@pytest.mark.parametrize('name', ['frames.npy', 'index.csv', 'meta.json'])
def test_names_a_missing_file(archive_path: Path, name: str) -> None:
    (archive_path / name).unlink()
    with pytest.raises(DataError, match=f'no {name}'):
        SkeletonArchive.open(archive_path)


def test_refuses_truncated_frames(archive_path: Path) -> None:
    os.truncate(archive_path / 'frames.npy', (archive_path / 'frames.npy').stat().st_size - 4)
    with pytest.raises(DataError, match='truncated'):
        SkeletonArchive.open(archive_path)


def test_refuses_frames_longer_than_they_say(archive_path: Path) -> None:
    with open(archive_path / 'frames.npy', 'ab') as file:
        file.write(b'1234')
    with pytest.raises(DataError, match='4 bytes too many'):
        SkeletonArchive.open(archive_path)


def test_refuses_frames_of_another_archive(archive_path: Path) -> None:
    np.save(archive_path / 'frames.npy', random_frames(5))
    with pytest.raises(DataError, match='index and frames disagree'):
        SkeletonArchive.open(archive_path)


def test_refuses_an_edited_index(archive_path: Path) -> None:
    with open(archive_path / 'index.csv', 'a') as file:
        file.write('\n')
    with pytest.raises(DataError, match='index does not fit'):
        SkeletonArchive.open(archive_path)


@pytest.mark.parametrize('content', ['{"layout": ', '[]', '{"format": 0}'])
def test_refuses_a_damaged_description(archive_path: Path, content: str) -> None:
    (archive_path / 'meta.json').write_text(content)
    with pytest.raises(DataError, match=r'damaged|another format'):
        SkeletonArchive.open(archive_path)


def test_refuses_joints_that_are_not_those_of_the_layout(archive_path: Path) -> None:
    meta = json.loads((archive_path / 'meta.json').read_text())
    hip, spine, *rest = meta['joints']
    (archive_path / 'meta.json').write_text(json.dumps({**meta, 'joints': [spine, hip, *rest]}))
    with pytest.raises(DataError, match=f'{spine} in the place of {hip}(?s:.*)layout nucla'):
        SkeletonArchive.open(archive_path)


def test_an_archive_that_does_not_name_its_joints_stays_the_same(
    archive: SkeletonArchive, archive_path: Path
) -> None:
    meta = json.loads((archive_path / 'meta.json').read_text())
    del meta['joints']
    (archive_path / 'meta.json').write_text(json.dumps(meta))
    assert SkeletonArchive.open(archive_path).checksum == archive.checksum


def test_verify_finds_altered_frames(archive_path: Path) -> None:
    SkeletonArchive.open(archive_path).verify()
    frames = np.load(archive_path / 'frames.npy', mmap_mode='r+')
    frames[0] += 1
    frames.flush()
    with pytest.raises(DataError, match='s00'):
        SkeletonArchive.open(archive_path).verify()


def test_records_counts(archive: SkeletonArchive) -> None:
    assert archive.meta['counts'] == {'sequences': 12, 'frames': len(archive.frames)}
    assert json.loads((archive.path / 'meta.json').read_text()) == archive.meta


def test_does_not_overwrite(archive_path: Path) -> None:
    with pytest.raises(DataError, match='may not be overwritten'), ArchiveWriter(archive_path, META, 1):
        pass


def test_leaves_nothing_after_an_exception(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), ArchiveWriter(tmp_path / 'archive', META, 1) as writer:
        writer.add('a', 0, random_frames(2), {})
        raise RuntimeError
    assert list(tmp_path.iterdir()) == []


def no_space(*_: object) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


class FullFile:
    """A file on a full disk: writing fails, and so does closing, which flushes."""

    write = close = staticmethod(no_space)


def test_a_disk_full_while_adding_leaves_nothing(tmp_path: Path) -> None:
    with (
        pytest.raises(DataError, match='disk is full'),
        ArchiveWriter(tmp_path / 'archive', META, 1) as writer,
    ):
        writer._file = FullFile()
        writer.add('a', 0, random_frames(2), {})
    assert list(tmp_path.iterdir()) == []


def test_a_disk_full_while_finishing_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with (
        pytest.raises(DataError, match='disk is full'),
        ArchiveWriter(tmp_path / 'archive', META, 1) as writer,
    ):
        writer.add('a', 0, random_frames(2), {})
        monkeypatch.setattr(os, 'fsync', no_space)
    assert list(tmp_path.iterdir()) == []


def test_refuses_a_sequence_that_does_not_fit(tmp_path: Path) -> None:
    with (
        pytest.raises(DataError, match="'a' does not fit"),
        ArchiveWriter(tmp_path / 'archive', META, 1) as writer,
    ):
        writer.add('a', 0, random_frames(2, bodies=2), {})


def test_refuses_rows_with_different_columns(tmp_path: Path) -> None:
    with (
        pytest.raises(DataError, match='other columns'),
        ArchiveWriter(tmp_path / 'archive', META, 1) as writer,
    ):
        writer.add('a', 0, random_frames(2), dict(view=1))
        writer.add('b', 0, random_frames(2), dict(camera=1))


def test_refuses_to_write_no_sequence(tmp_path: Path) -> None:
    with pytest.raises(DataError, match='no sequence'), ArchiveWriter(tmp_path / 'archive', META, 1):
        pass
