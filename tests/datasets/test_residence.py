from __future__ import annotations

import pickle
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils.data import DataLoader

from skelreg.datasets import residence, sequence_store
from skelreg.datasets.archive import SkeletonArchive
from skelreg.datasets.collate import batch_collate
from skelreg.datasets.dataset import SkeletonDataset
from skelreg.errors import ConfigError
from skelreg.runner import build_datasets, build_runner
from tests.runs import HICLR, small

GIB = 2**30


def make(archive: Any, **options: Any) -> SkeletonDataset:
    return SkeletonDataset(
        **{**dict(dataset='nucla', archive=archive, split='464', subset='train', num_frames=6), **options}
    )


@pytest.mark.parametrize('limit', [0, 2**29])
def test_a_resident_set_gives_the_same_batches(
    archive: SkeletonArchive, monkeypatch: pytest.MonkeyPatch, limit: int
) -> None:
    monkeypatch.setattr(sequence_store, 'IN_MEMORY_BYTES', limit)
    monkeypatch.setattr(residence, 'CHUNK', 3)  # eight sequences: two pieces and a rest
    rows = [5, 0, 5, 7]
    plain, kept = (make(archive, resident=device).__getitems__(rows) for device in (None, 'cpu'))
    torch.testing.assert_close(kept, plain, rtol=0, atol=0)


def test_frames_move_once(archive: SkeletonArchive, monkeypatch: pytest.MonkeyPatch) -> None:
    copies: list[str] = []

    def counted(frames: Any, device: str) -> Tensor:
        copies.append(device)
        return torch.from_numpy(frames.copy())

    monkeypatch.setattr(residence, '_copy', counted)
    dataset = make(archive, resident='cpu')
    assert copies == []
    for _ in range(3):
        dataset.__getitems__([0])
    assert copies == ['cpu']


@pytest.mark.parametrize(('size', 'expected'), [(2 * GIB, 'cuda:1'), (2 * GIB + 1, None)])
def test_auto_takes_a_quarter_of_the_free_memory_of_this_process_s_gpu(
    monkeypatch: pytest.MonkeyPatch, size: int, expected: str | None
) -> None:
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: True)
    monkeypatch.setattr(torch.cuda, 'mem_get_info', lambda: (8 * GIB, 16 * GIB))
    monkeypatch.setattr(torch.cuda, 'current_device', lambda: 1)
    assert residence.choose_device(size) == expected


def test_auto_leaves_frames_where_they_are_without_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: False)
    assert residence.choose_device(0) is None


def test_workers_and_copies_hold_nothing(archive: SkeletonArchive, monkeypatch: pytest.MonkeyPatch) -> None:
    dataset = make(archive, resident='cpu')
    expected = dataset.__getitems__([0, 1])

    def refuse(*_: Any) -> Tensor:
        raise AssertionError('a worker keeps frames on a device')

    monkeypatch.setattr(residence, '_copy', refuse)
    copy = pickle.loads(pickle.dumps(dataset))
    loader = DataLoader(copy, batch_size=2, num_workers=1, collate_fn=batch_collate)
    torch.testing.assert_close(next(iter(loader)), expected, rtol=0, atol=0)
    with pytest.raises(AssertionError, match='a worker keeps'):
        copy.__getitems__([0])


@pytest.mark.parametrize(
    ('options', 'error', 'message'),
    [
        (dict(resident='gpu'), ConfigError, "'cuda'"),
        (dict(resident='cpu', num_frames=None), ValueError, 'set num_frames'),
    ],
)
def test_what_cannot_be_kept_is_refused(
    archive: SkeletonArchive, options: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        make(archive, **options)


@pytest.mark.parametrize(
    ('options', 'place'),
    [
        (dict(train_dataloader__pin_memory=True), 'train_dataloader.pin_memory'),
        (
            dict(train_dataloader__num_workers=1, train_dataloader__dataset__resident='cpu'),
            'train_dataloader.num_workers',
        ),
    ],
)
def test_a_dataloader_that_cannot_serve_it_is_refused(options: dict[str, Any], place: str) -> None:
    with pytest.raises(ConfigError, match=place):
        build_runner(small(HICLR, **options))


@pytest.mark.parametrize(('num_workers', 'device'), [(0, 'auto'), (2, None)])
def test_nothing_is_kept_on_a_device_for_workers(num_workers: int, device: str | None) -> None:
    cfg = small(HICLR, train_dataloader__num_workers=num_workers, train_dataloader__dataset__resident='auto')
    assert build_datasets(cfg)['train_dataloader'].residence.device == device
