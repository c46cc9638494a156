from __future__ import annotations

import errno
import fcntl
import json
import os
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from skelreg.datasets import prepare as prepare_module
from skelreg.datasets.cards import load_card
from skelreg.datasets.counts import summarise
from skelreg.datasets.prepare import PreparedArchive, Skipped, prepare
from skelreg.datasets.readers.ntu import NTUReader
from skelreg.datasets.readers.nucla import NUCLAReader
from skelreg.errors import ConfigError, DataError
from tests.datasets.readers.raw_text import NTU, ntu_text, write_ntu, write_pku

RawFile = Callable[..., Path]
NAMES = [f'a{action:02d}_s{subject:02d}_e00_v01' for action in (1, 2, 3) for subject in (1, 2, 3)]


@pytest.fixture
def raw(raw_file: RawFile) -> Path:
    """Nine files."""
    folders = {raw_file(name) for name in NAMES}
    return folders.pop()


@pytest.fixture
def run(raw: Path, tmp_path: Path) -> Callable[..., PreparedArchive]:
    def run(**options: Any) -> PreparedArchive:
        return prepare(load_card('nucla'), raw, tmp_path / 'out' / 'nucla', **{'chunk_size': 2, **options})

    return run


def left_beside(tmp_path: Path) -> list[str]:
    return sorted(path.name for path in (tmp_path / 'out').iterdir())


def test_makes_an_archive_and_leaves_nothing_beside(
    run: Callable[..., PreparedArchive], tmp_path: Path
) -> None:
    prepared = run()
    assert prepared.is_new and list(prepared.archive.index['name']) == NAMES
    assert left_beside(tmp_path) == ['nucla']


def test_workers_make_the_same_archive(
    run: Callable[..., PreparedArchive], raw: Path, tmp_path: Path
) -> None:
    parallel = prepare(load_card('nucla'), raw, tmp_path / 'other', chunk_size=2, workers=2)
    assert parallel.archive.checksum == run().archive.checksum


def test_a_second_run_has_nothing_to_do(run: Callable[..., PreparedArchive]) -> None:
    first, second = run(), run()
    assert not second.is_new and second.archive.checksum == first.archive.checksum


def test_other_raw_files_do_not_replace_an_archive(
    run: Callable[..., PreparedArchive], raw_file: RawFile
) -> None:
    run()
    raw_file('a04_s01_e00_v01')
    with pytest.raises(DataError, match='made from other raw files'):
        run()


def test_a_malformed_file_stops_the_run(run: Callable[..., PreparedArchive], raw_file: RawFile) -> None:
    raw_file(NAMES[5], text='{"file_name"')
    with pytest.raises(DataError, match=f'truncated.*{NAMES[5]}.json(.|\n)*--on-error skip'):
        run()


def test_a_malformed_file_stops_workers_too(run: Callable[..., PreparedArchive], raw_file: RawFile) -> None:
    raw_file(NAMES[5], skeletons=[])
    with pytest.raises(DataError, match='empty'):
        run(workers=2)


def test_skipped_files_are_reported_by_name(
    run: Callable[..., PreparedArchive], raw_file: RawFile, tmp_path: Path
) -> None:
    raw_file(NAMES[5], label=11)
    prepared = run(on_error='skip')
    assert [entry.name for entry in prepared.skipped] == [f'{NAMES[5]}.json']
    assert 'label is out of range' in prepared.skipped[0].reason
    assert list(prepared.archive.index['name']) == NAMES[:5] + NAMES[6:]
    stored = json.loads((tmp_path / 'out' / 'nucla' / 'skipped.json').read_text())
    assert (
        [Skipped(**entry) for entry in stored] == list(run(on_error='skip').skipped) == list(prepared.skipped)
    )


@pytest.mark.parametrize(
    ('part', 'at', 'byte', 'message'),
    [
        ('content', 0, 0xFF, 'invalid block type'),
        ('directory', 8, 1, r'is encrypted(?s:.*)fix: unpack the zip with another program'),
        ('directory', 10, 9, r'compression method is not supported(?s:.*)fix: unpack'),
        ('directory', 42, 0xFF, 'raw file cannot be read'),
    ],
)
def test_what_a_zip_does_not_give_out_is_named_and_skipped(
    raw: Path, tmp_path: Path, part: str, at: int, byte: int, message: str
) -> None:
    name = f'{NAMES[5]}.json'
    with zipfile.ZipFile(tmp_path / 'all.zip', 'w', zipfile.ZIP_DEFLATED) as file:
        for path in sorted(raw.iterdir()):
            file.write(path, path.name)
    content = bytearray((tmp_path / 'all.zip').read_bytes())
    member = name.encode()
    start = content.index(member) + len(member) if part == 'content' else content.rindex(member) - 46
    content[start + at] = byte
    (tmp_path / 'all.zip').write_bytes(content)
    with pytest.raises(DataError, match=rf'\({name}\)(?s:.*){message}|{message} \({name}\)'):
        prepare(load_card('nucla'), tmp_path / 'all.zip', tmp_path / 'out')
    prepared = prepare(load_card('nucla'), tmp_path / 'all.zip', tmp_path / 'out', on_error='skip')
    assert [entry.name for entry in prepared.skipped] == [name] and len(prepared.archive) == 8


def test_all_files_malformed_is_an_error(run: Callable[..., PreparedArchive], raw_file: RawFile) -> None:
    for name in NAMES:
        raw_file(name, label=11)
    with pytest.raises(DataError, match='no sequence to write'):
        run(on_error='skip')


class Interruption(Exception):
    """Stands for whatever ends a run."""


def interrupt_after(chunks: int) -> Callable[[int, int], None]:
    def on_progress(done: int, total: int) -> None:
        if done >= 2 * chunks:
            raise Interruption

    return on_progress


def test_goes_on_where_it_was_interrupted(
    run: Callable[..., PreparedArchive], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(Interruption):
        run(on_progress=interrupt_after(3))
    assert not (tmp_path / 'out' / 'nucla').exists()
    read: list[str] = []
    original = NUCLAReader.read
    monkeypatch.setattr(NUCLAReader, 'read', lambda self, s: read.append(s.stem) or original(self, s))
    assert list(run().archive.index['name']) == NAMES
    assert read == NAMES[6:]


def test_starts_anew_after_a_raw_file_changed(run: Callable[..., PreparedArchive], raw_file: RawFile) -> None:
    with pytest.raises(Interruption):
        run(on_progress=interrupt_after(3))
    raw_file(NAMES[0], skeletons=np.ones((7, 20, 3)).tolist())
    assert run().archive.index['length'][0] == 7


@pytest.mark.parametrize(
    ('of', 'change'),
    [
        ('card', dict(max_bodies=2)),
        ('card', dict(class_names=tuple('abcdefghij'))),
        ('module', dict(__version__='9.9')),
        ('module', dict(_code_of=lambda reader: 'mended')),
    ],
)
def test_starts_anew_after_the_card_or_the_code_changed(
    raw: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, of: str, change: dict[str, Any]
) -> None:
    card, out = load_card('nucla'), tmp_path / 'out' / 'nucla'
    with pytest.raises(Interruption):
        prepare(card, raw, out, chunk_size=2, on_progress=interrupt_after(3))
    if of == 'card':
        card = replace(card, **change)
    else:
        for name, value in change.items():
            monkeypatch.setattr(prepare_module, name, value)
    progress: list[int] = []
    prepare(card, raw, out, chunk_size=2, on_progress=lambda done, total: progress.append(done))
    assert progress[0] == 0


def test_a_reader_is_known_by_the_file_it_is_written_in() -> None:
    typed_in = type('TypedIn', (NUCLAReader,), {'__module__': 'no.such.module'})
    assert prepare_module._code_of(typed_in) is None
    assert prepare_module._code_of(NUCLAReader) != prepare_module._code_of(NTUReader)


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        (dict(max_bodies=2), r'another card: max_bodies(?s:.*)got: \[1\](?s:.*)accepted: \[2\]'),
        (dict(num_classes=11, class_names=()), 'another card: num_classes, class_names'),
        (dict(channels=('x', 'z', 'y')), 'another card: channels'),
    ],
)
def test_an_archive_of_a_changed_card_is_not_taken_for_finished(
    run: Callable[..., PreparedArchive], raw: Path, tmp_path: Path, change: dict[str, Any], message: str
) -> None:
    run()
    with pytest.raises(DataError, match=message):
        prepare(replace(load_card('nucla'), **change), raw, tmp_path / 'out' / 'nucla', chunk_size=2)


def test_skipped_files_survive_an_interruption(
    run: Callable[..., PreparedArchive], raw_file: RawFile
) -> None:
    raw_file(NAMES[0], label=11)
    with pytest.raises(Interruption):
        run(on_error='skip', on_progress=interrupt_after(3))
    assert len(run(on_error='skip').skipped) == 1


def test_a_full_disk_is_told_and_the_next_run_completes(
    run: Callable[..., PreparedArchive], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(prepare_module.np, 'savez', full)
        with pytest.raises(DataError, match='disk is full'):
            run()
    assert not (tmp_path / 'out' / 'nucla').exists()
    assert list(run().archive.index['name']) == NAMES


def test_a_second_run_at_once_is_refused(run: Callable[..., PreparedArchive], tmp_path: Path) -> None:
    (tmp_path / 'out').mkdir()
    with open(tmp_path / 'out' / '.nucla.lock', 'w') as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        with pytest.raises(DataError, match='another run'):
            run()


def test_of_several_sequences_only_the_malformed_are_skipped(tmp_path: Path) -> None:
    raw = write_pku(tmp_path / 'raw', labels='1,0,4,1\n2,9,5,1\n3,6,12,2\n')
    with pytest.raises(DataError, match=r'ends before it starts(.|\n)*--on-error skip'):
        prepare(load_card('pku_mmd'), raw, tmp_path / 'out')
    prepared = prepare(load_card('pku_mmd'), raw, tmp_path / 'out', on_error='skip')
    assert [entry.name for entry in prepared.skipped] == ['0002-L-00009-00005-A02']
    assert prepared.archive.index['label'].tolist() == [0, 2]


def test_excluded_files_are_reported_and_not_read(tmp_path: Path) -> None:
    raw = write_ntu(tmp_path / 'raw')
    write_ntu(raw, 'S001C002P005R002A008', text='listed as incomplete')
    for is_new in (True, False):
        prepared = prepare(load_card('ntu60'), raw, tmp_path / 'out')
        assert prepared.is_new == is_new and prepared.archive.index['name'].tolist() == [NTU]
        (excluded,) = prepared.excluded
        assert excluded.name == 'S001C002P005R002A008.skeleton' and 'incomplete' in excluded.reason
    assert json.loads((tmp_path / 'out' / 'excluded.json').read_text()) == [vars(excluded)]


def test_a_source_with_excluded_files_only_is_refused(tmp_path: Path) -> None:
    raw = write_ntu(tmp_path / 'raw', 'S018C002P008R001A062')
    with pytest.raises(DataError, match=r'no file of the dataset .*\n.*part of NTU RGB.D 120'):
        prepare(load_card('ntu60'), raw, tmp_path / 'out')


def test_options_of_the_reader_make_another_archive(tmp_path: Path) -> None:
    raw = write_ntu(tmp_path / 'raw', text=ntu_text([(0, 1), (1, 0)]))
    options = dict(bodies='energy')
    archive = prepare(load_card('ntu60'), raw, tmp_path / 'out', reader_options=options).archive
    assert archive.meta['source']['reader'] == dict(type='NTUReader', **options)
    with pytest.raises(DataError, match='made from other raw files'):
        prepare(load_card('ntu60'), raw, tmp_path / 'out')
    with pytest.raises(ConfigError, match="bodys"):
        prepare(load_card('ntu60'), raw, tmp_path / 'other', reader_options=dict(bodys='energy'))


def test_a_dataset_without_a_reader_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match='has no reader'):
        prepare(load_card('synthetic'), tmp_path, tmp_path / 'out')


def test_nucla_holds_what_its_card_says(real_data: Path, tmp_path: Path) -> None:
    card = load_card('nucla')
    prepared = prepare(card, real_data / 'n-ucla' / 'all_sqe.zip', tmp_path / 'nucla', workers=2)
    assert summarise(prepared.archive, card) == card.expected
    lengths = prepared.archive.index['length']
    assert (lengths.min(), np.median(lengths), lengths.max(), (lengths < 8).sum()) == (1, 31, 201, 4)


def test_the_zip_and_its_folder_make_one_archive(real_data: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(real_data / 'n-ucla' / 'all_sqe.zip') as file:
        members = file.namelist()[:200]
        file.extractall(tmp_path, members=members)
        with zipfile.ZipFile(tmp_path / 'part.zip', 'w') as part:
            for name in members:
                part.writestr(name, file.read(name))
    from_zip, from_folder = (
        prepare(load_card('nucla'), tmp_path / raw, tmp_path / f'{raw}_archive').archive
        for raw in ('part.zip', 'all_sqe')
    )
    assert from_zip.checksum == from_folder.checksum and len(from_zip) == 200
