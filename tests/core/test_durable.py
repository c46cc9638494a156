from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from skelreg.durable import check_writable, replace_file, unwritable_is_data_error
from skelreg.errors import DataError


def impossible(kind: str, folder: Path) -> Path:
    """A path where no file can be, whoever asks."""
    (folder / 'file').write_text('mine')
    (folder / 'folder').mkdir()
    return {
        'a folder': folder / 'folder',
        'below a file': folder / 'file' / 'out.json',
        'far below a file': folder / 'file' / 'a' / 'b' / 'out.json',
        'a long name': folder / ('x' * 300),
    }[kind]


@pytest.mark.parametrize('kind', ['a folder', 'below a file', 'far below a file', 'a long name'])
def test_a_file_that_cannot_be_written_is_a_data_error(tmp_path: Path, kind: str) -> None:
    path = impossible(kind, tmp_path)
    with pytest.raises(DataError, match='the file cannot be written') as caught:
        replace_file(path, b'new')
    assert caught.value.where == str(path) and caught.value.got
    assert (tmp_path / 'file').read_text() == 'mine'
    assert sorted(p.name for p in tmp_path.rglob('*')) == ['file', 'folder']


@pytest.mark.parametrize('kind', ['a folder', 'below a file', 'far below a file'])
def test_it_is_told_before_the_work(tmp_path: Path, kind: str) -> None:
    with pytest.raises(DataError, match='the file cannot be written'):
        check_writable(impossible(kind, tmp_path))


def test_a_folder_without_permission_is_told_before_the_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, 'access', lambda path, mode: Path(path) != tmp_path)
    with pytest.raises(DataError, match=f'no file may be made in {tmp_path}'):
        check_writable(tmp_path / 'new' / 'out.json')


def test_asking_makes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for path in (Path('out.json'), Path('new', 'out.json'), tmp_path / 'a' / 'b' / 'out.json'):
        check_writable(path)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ('code', 'message'),
    [('ENOSPC', 'the disk is full'), ('EROFS', 'cannot be written'), ('EACCES', 'cannot be written')],
)
def test_what_the_system_refuses_is_told(tmp_path: Path, code: str, message: str) -> None:
    number = getattr(errno, code)
    with pytest.raises(DataError, match=message) as caught, unwritable_is_data_error(tmp_path / 'out'):
        raise OSError(number, os.strerror(number))
    assert caught.value.got == os.strerror(number)


def test_other_failures_stay_as_they_are(tmp_path: Path) -> None:
    with pytest.raises(OSError, match='Input/output'), unwritable_is_data_error(tmp_path):
        raise OSError(errno.EIO, os.strerror(errno.EIO))
