"""Checkpoint files: plain data, whole or absent, with what they are written inside."""

from __future__ import annotations

import errno
import os
import pickle
import resource
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from skelreg import __version__
from skelreg.compat.checkpoint import DurableCheckpointHook
from skelreg.compat.files import load_file, save_file
from skelreg.compat.weights import load_pretrained
from skelreg.errors import CheckpointError, ConfigError
from tests.compat import toy


class Payload:
    """Unpickling it creates a file."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> Any:
        return os.mkdir, (str(self.mark),)


@pytest.mark.parametrize('zipped', [True, False])
def test_a_checkpoint_that_carries_code_is_refused_by_name(tmp_path: Path, zipped: bool) -> None:
    path, mark = tmp_path / 'evil.pth', tmp_path / 'executed'
    torch.save({'state_dict': {}, 'x': Payload(mark)}, path, _use_new_zipfile_serialization=zipped)
    with pytest.raises(CheckpointError, match=r'carries code(.|\n)*posix\.mkdir'):
        load_file(path)
    assert not mark.exists()


@pytest.mark.parametrize(
    ('content', 'message'),
    [
        (b'', 'the file is empty'),
        (b'PK\x03\x04 not a zip', 'damaged or truncated'),
        (b'some text\n' * 50, 'no checkpoint'),
        (pickle.dumps([1, 2], protocol=2), 'no checkpoint'),
    ],
)
def test_a_file_that_is_no_checkpoint_is_named(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / 'x.pth'
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match=message):
        load_file(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match='no such checkpoint'):
        load_file(tmp_path / 'x.pth')


@pytest.mark.parametrize('kept', [0.3, 0.9, 0.999])
def test_a_truncated_file_is_refused(tmp_path: Path, kept: float) -> None:
    path = tmp_path / 'x.pth'
    save_file({'state_dict': {'w': torch.rand(1000)}}, path)
    content = path.read_bytes()
    path.write_bytes(content[: int(kept * len(content))])
    with pytest.raises(CheckpointError, match='damaged or truncated'):
        load_file(path)


def test_one_flipped_bit_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / 'x.pth'
    save_file({'w': torch.zeros(1000)}, path)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(bytes(content))
    with pytest.raises(CheckpointError, match='damaged'):
        load_file(path)


def test_foreign_types_are_saved_as_plain_data(tmp_path: Path) -> None:
    path = tmp_path / 'x.pth'
    save_file({'a': np.float32(2), 'b': np.arange(3), 'c': {4}, 'd': (Path('e'), True, None)}, path)
    loaded = load_file(path)
    assert loaded['a'] == 2.0 and type(loaded['a']) is float
    assert loaded['b'].tolist() == [0, 1, 2]
    assert (loaded['c'], loaded['d']) == ([4], ('e', True, None))


def test_what_has_no_plain_form_is_named_with_its_place(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r'checkpoint\.meta\.hook\[0\]'):
        save_file({'meta': {'hook': [print]}}, tmp_path / 'x.pth')


def test_a_view_is_saved_without_the_rest_of_its_storage(tmp_path: Path) -> None:
    save_file({'w': torch.zeros(1_000_000)[:10]}, tmp_path / 'x.pth')
    assert (tmp_path / 'x.pth').stat().st_size < 5_000


@pytest.fixture
def small_disk() -> Any:
    """Files of this process end at 64 KiB, which looks like a full disk to whoever writes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (65536, hard))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_full_disk_leaves_the_previous_file_untouched(tmp_path: Path, small_disk: None) -> None:
    path = tmp_path / 'x.pth'
    save_file({'w': torch.zeros(10)}, path)
    with pytest.raises(CheckpointError, match=r'could not be written(.|\n)*File too large'):
        save_file({'w': torch.zeros(1_000_000)}, path)
    assert load_file(path)['w'].shape == (10,)
    assert [p.name for p in tmp_path.iterdir()] == ['x.pth']


def test_two_processes_do_not_write_into_one_unfinished_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    unfinished: list[str] = []
    monkeypatch.setattr(torch, 'save', lambda content, file: unfinished.append(file.name))
    for process in (1, 2):
        monkeypatch.setattr(os, 'getpid', lambda process=process: process)
        save_file({'w': 1}, tmp_path / 'x.pth')
    assert len(set(unfinished)) == 2 and [p.name for p in tmp_path.iterdir()] == ['x.pth']


def test_a_disk_that_fails_to_flush_leaves_the_previous_file_untouched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / 'x.pth'
    save_file({'w': 1}, path)

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, 'No space left on device')

    monkeypatch.setattr(os, 'fsync', full)
    with pytest.raises(CheckpointError, match='No space left'):
        save_file({'w': 2}, path)
    assert load_file(path)['w'] == 1


def test_a_checkpoint_says_what_it_is(uninterrupted: Path) -> None:
    meta = load_file(uninterrupted / 'epoch_3.pth')['meta']
    wanted = dict(epoch=3, iter=12, seed=0, layout='toy', skelreg_version=__version__, world_size=1)
    assert {key: meta[key] for key in wanted} == wanted
    assert isinstance(meta['config_text'], str)


def test_the_oldest_checkpoints_are_deleted(tmp_path: Path) -> None:
    toy.runner(tmp_path, keep=2).train()
    assert sorted(p.name for p in tmp_path.glob('*.pth')) == ['epoch_3.pth', 'epoch_4.pth']


def test_a_longer_earlier_run_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / 'epoch_300.pth').write_bytes(b'of another run')
    toy.runner(tmp_path, epochs=2, keep=1).train()
    assert sorted(p.name for p in tmp_path.glob('*.pth')) == ['epoch_2.pth', 'epoch_300.pth']


@pytest.mark.parametrize('arguments', [dict(interval=0), dict(max_keep_ckpts=0), dict(interval=-2)])
def test_a_nonsensical_interval_is_refused(arguments: dict[str, int]) -> None:
    with pytest.raises(ValueError, match='must be -1 or at least 1'):
        DurableCheckpointHook(**arguments)


def test_a_checkpoint_inside_an_epoch_is_refused(tmp_path: Path) -> None:
    training = toy.runner(tmp_path)
    hook = next(h for h in training.hooks if isinstance(h, DurableCheckpointHook))
    hook.by_epoch = False
    with pytest.raises(ConfigError, match='cannot be resumed exactly'):
        training.train()


def test_pretrained_takes_the_encoder_only_and_names_both_sides(uninterrupted: Path) -> None:
    model = toy.seeded_layer()
    model.queue.fill_(7)
    report = load_pretrained(model, uninterrupted / 'epoch_4.pth')
    saved = load_file(uninterrupted / 'epoch_4.pth')['state_dict']
    torch.testing.assert_close(model.backbone[0].weight, saved['backbone.0.weight'])
    assert model.queue.tolist() == [7, 7, 7]
    assert len(report.loaded) == 7 and report.unused == ('queue',) and report.missing == ()


def test_a_partial_match_is_logged_once_with_both_sides(
    uninterrupted: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    saved = load_file(uninterrupted / 'epoch_4.pth')['state_dict']
    del saved['backbone.0.bias']
    save_file({f'module.{key}': value for key, value in saved.items()}, tmp_path / 'x.pth')
    training = toy.runner(tmp_path / 'run', pretrained=str(tmp_path / 'x.pth'))
    logged: list[str] = []
    monkeypatch.setattr(training.logger, 'warning', logged.append)
    training.load_or_resume()
    (line,) = logged
    assert line.endswith('missing in the file: backbone (1); in the file but not used: queue (1)')


def test_weights_that_match_no_key_are_an_error(tmp_path: Path) -> None:
    save_file({'state_dict': {'encoder_q.w': torch.zeros(3)}}, tmp_path / 'x.pth')
    with pytest.raises(CheckpointError, match=r'no weight(.|\n)*encoder_q\.w(.|\n)*backbone\.0\.weight'):
        load_pretrained(toy.seeded_layer(), tmp_path / 'x.pth')


def test_another_layout_is_named(tmp_path: Path) -> None:
    model = toy.seeded_layer()
    model.backbone.register_buffer('adjacency', torch.zeros(3, 20, 20))
    content = {'meta': {'layout': 'ntu_rgbd'}, 'state_dict': {'backbone.adjacency': torch.zeros(3, 25, 25)}}
    save_file(content, tmp_path / 'x.pth')
    with pytest.raises(CheckpointError, match=r"25 joints, the model has 20 \(.* layout 'ntu_rgbd'\)"):
        load_pretrained(model, tmp_path / 'x.pth')
