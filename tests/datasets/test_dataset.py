from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from mmengine.runner import Runner

from skelreg.datasets import sequence_store
from skelreg.datasets.archive import SkeletonArchive
from skelreg.datasets.archive_writer import ArchiveWriter
from skelreg.datasets.cards import load_card
from skelreg.datasets.dataset import SkeletonDataset
from skelreg.datasets.synthetic import generate
from skelreg.errors import ConfigError, DataError
from skelreg.graphs import read_layout
from skelreg.registry import DATASETS

from ..reference.resampling import loop_resample
from .samples import META, random_frames


def make(archive: Any, **options: Any) -> SkeletonDataset:
    return SkeletonDataset(
        **{**dict(dataset='nucla', archive=archive, split='464', subset='train'), **options}
    )


@pytest.fixture
def in_files(monkeypatch: pytest.MonkeyPatch) -> None:
    """Treat any size as too much for memory."""
    monkeypatch.setattr(sequence_store, 'IN_MEMORY_BYTES', 0)


def test_a_batch_has_the_documented_form(archive: SkeletonArchive) -> None:
    batch = make(archive, num_frames=6).__getitems__([5, 0, 5])
    assert batch['inputs'].shape == (3, 3, 6, 20, 1) and batch['inputs'].dtype == torch.float32
    assert batch['index'].tolist() == [5, 0, 5] and batch['labels'].tolist() == [5, 0, 5]
    assert batch['lengths'].tolist() == [6, 6, 6] and batch['bodies'].tolist() == [1, 1, 1]
    assert {batch[name].dtype for name in ('index', 'labels', 'lengths', 'bodies')} == {torch.int64}


def test_frames_are_resampled(archive: SkeletonArchive) -> None:
    inputs = make(archive, num_frames=6).__getitems__([3])['inputs'][0]  # (C, T, V, M)
    expected = loop_resample(np.asarray(archive.sequence(3)), 6).transpose(3, 0, 2, 1)
    np.testing.assert_allclose(inputs, expected, atol=1e-6)


def test_raw_frames_are_padded_with_zeros(archive: SkeletonArchive) -> None:
    batch = make(archive, num_frames=None).__getitems__([1, 4])
    assert batch['inputs'].shape == (2, 3, 5, 20, 1) and batch['lengths'].tolist() == [2, 5]
    np.testing.assert_array_equal(batch['inputs'][0, :, :2], archive.sequence(1).transpose(3, 0, 2, 1))
    assert not batch['inputs'][0, :, 2:].any()


def test_a_sequence_of_which_max_bodies_leaves_nobody_is_refused(tmp_path: Path) -> None:
    frames = random_frames(3, bodies=2)
    frames[:, 0] = 0
    with ArchiveWriter(tmp_path / 'archive', META, max_bodies=2) as writer:
        writer.add('alone', 0, frames, dict(subject=1, camera=1, view=1, setup=1))
    archive = SkeletonArchive.open(tmp_path / 'archive')
    assert make(archive).__getitems__([0])['inputs'].any()
    with pytest.raises(DataError, match=r"leaves nobody(?s:.*)'alone'(?s:.*)max_bodies=2"):
        make(archive, num_frames=6, max_bodies=1).__getitems__([0])


@pytest.mark.parametrize('num_frames', [6, None])
def test_transforms_run_before_resampling(archive: SkeletonArchive, num_frames: int | None) -> None:
    dataset = make(archive, num_frames=num_frames, transforms=[dict(type='CenterEachFrame', joint=2)])
    inputs = dataset.__getitems__(range(len(dataset)))['inputs']
    assert inputs[:, :, :, 2].abs().max() < 1e-6 < inputs.abs().max()


def test_a_split_selects_rows(archive: SkeletonArchive) -> None:
    test = make(archive, subset='test')
    assert test.names == ('s08', 's09', 's10', 's11') and test.labels.tolist() == [8, 9, 0, 1]
    assert 's01' not in make(archive, split='464-clean').names


def test_one_sequence_has_no_batch_axis(archive: SkeletonArchive) -> None:
    dataset = make(archive, num_frames=6)
    assert dataset[-1]['inputs'].shape == (3, 6, 20, 1) and int(dataset[-1]['index']) == 7
    with pytest.raises(IndexError):
        dataset[8]


@pytest.mark.parametrize('num_frames', [6, None])
def test_absent_bodies_are_added(archive: SkeletonArchive, num_frames: int | None) -> None:
    batch = make(archive, num_frames=num_frames, max_bodies=2).__getitems__([3])
    assert (
        batch['inputs'].shape[-1] == 2 and not batch['inputs'][..., 1].any() and batch['bodies'].item() == 1
    )


def test_metainfo_is_plain(archive: SkeletonArchive) -> None:
    meta = make(archive, num_frames=6).metainfo
    assert meta['layout'] == 'nucla' and meta['synthetic'] is False and meta['class_names'][3] == '3'
    assert meta['checksum'] == archive.checksum


def test_files_and_memory_agree(archive: SkeletonArchive, monkeypatch: pytest.MonkeyPatch) -> None:
    options = dict(num_frames=6, transforms=[dict(type='CenterFirstFrame')])
    in_memory = make(archive, **options).__getitems__(range(8))
    monkeypatch.setattr(sequence_store, 'IN_MEMORY_BYTES', 0)
    for _ in range(2):  # once written, once read
        torch.testing.assert_close(make(archive, **options).__getitems__(range(8)), in_memory, rtol=0, atol=0)


def cached(dataset: SkeletonDataset) -> list[Path]:
    return sorted(dataset.archive.path.with_name('archive.cache').iterdir())


def test_names_are_those_of_the_sequences_left_and_made_once(archive: SkeletonArchive) -> None:
    dataset = make(archive, label_budget=dict(global_ratio=0.5))
    assert len(dataset.names) == len(dataset.digests) == len(dataset) == 4
    assert dataset.names is dataset.names and dataset.digests is dataset.digests
    assert pickle.loads(pickle.dumps(dataset)).names == dataset.names


@pytest.mark.usefixtures('in_files')
def test_the_cache_is_written_once(archive: SkeletonArchive) -> None:
    (file,) = cached(make(archive, num_frames=6))
    before = file.stat()
    assert cached(make(archive, num_frames=6)) == [file] and file.stat().st_mtime_ns == before.st_mtime_ns


@pytest.mark.usefixtures('in_files')
@pytest.mark.parametrize(
    'change',
    [
        dict(num_frames=7),
        dict(subset='test'),
        dict(split='464-clean'),
        dict(max_bodies=2),
        dict(transforms=[dict(type='CenterEachFrame')]),
    ],
)
def test_the_cache_follows_the_options(archive: SkeletonArchive, change: dict[str, Any]) -> None:
    make(archive, num_frames=6)
    assert len(cached(make(archive, **{'num_frames': 6, **change}))) == 2


@pytest.mark.usefixtures('in_files')
def test_the_cache_follows_a_layout_of_one_s_own(tmp_path: Path) -> None:
    layout = 'joints: [hip, head]\nedges: [[head, hip]]\ncentre: '
    (tmp_path / 'stick2.yaml').write_text(f'{layout}hip')
    (tmp_path / 'card.yaml').write_text(
        'name: sticks\ntitle: sticks\nlayout: stick2.yaml\nchannels: [x, y, z]\nmax_bodies: 1\n'
        'num_classes: 2\nsplits: {whole: {train: {}, test: {}}}\n'
    )
    load_card(tmp_path / 'card.yaml')
    with ArchiveWriter(tmp_path / 'archive', {**META, 'layout': 'stick2', 'num_classes': 2}, 1) as writer:
        writer.add('a', 0, random_frames(4)[:, :, :2], dict(subject=1))
    options = dict(dataset=str(tmp_path / 'card.yaml'), split='whole', num_frames=6)
    first = make(tmp_path / 'archive', **options, transforms=[dict(type='CenterEachFrame')])
    (tmp_path / 'stick2.yaml').write_text(f'{layout}head')
    read_layout.cache_clear()
    second = make(tmp_path / 'archive', **options, transforms=[dict(type='CenterEachFrame')])
    assert len(cached(second)) == 2 and first.fingerprint != second.fingerprint
    assert not second[0]['inputs'][:, :, 1].any()


@pytest.mark.usefixtures('in_files')
def test_the_cache_can_lie_elsewhere(archive: SkeletonArchive, tmp_path: Path) -> None:
    make(archive, num_frames=6, cache_dir=tmp_path / 'cache')
    assert len(list((tmp_path / 'cache').iterdir())) == 1


@pytest.mark.usefixtures('in_files')
def test_a_full_disk_leaves_no_cache(archive: SkeletonArchive, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, 'No space left on device')

    monkeypatch.setattr(sequence_store.os, 'fsync', full)
    with pytest.raises(DataError, match='disk is full'):
        make(archive, num_frames=6)
    assert list(archive.path.with_name('archive.cache').iterdir()) == []


@pytest.mark.parametrize('limit', [0, 2**29])
@pytest.mark.parametrize('num_frames', [6, None])
def test_survives_pickling(
    archive: SkeletonArchive, monkeypatch: pytest.MonkeyPatch, limit: int, num_frames: int | None
) -> None:
    monkeypatch.setattr(sequence_store, 'IN_MEMORY_BYTES', limit)
    dataset = make(archive, num_frames=num_frames)
    copy = pickle.loads(pickle.dumps(dataset))
    torch.testing.assert_close(copy.__getitems__([2, 3]), dataset.__getitems__([2, 3]), rtol=0, atol=0)


@pytest.mark.parametrize('context', ['fork', 'spawn'])
def test_the_runner_builds_a_loader_with_workers(archive_path: Path, context: str) -> None:
    loader = Runner.build_dataloader(
        dict(
            dataset=dict(
                type='skelreg.SkeletonDataset',
                dataset='nucla',
                archive=str(archive_path),
                split='464',
                subset='train',
                num_frames=6,
            ),
            sampler=dict(type='DefaultSampler', shuffle=False),
            collate_fn=dict(type='skelreg.batch_collate'),
            batch_size=5,
            num_workers=1,
            multiprocessing_context=context,
        )
    )
    assert [batch['index'].tolist() for batch in loader] == [[0, 1, 2, 3, 4], [5, 6, 7]]


@pytest.mark.parametrize('split', ['464', '464-clean', 'held_out'])
@pytest.mark.parametrize('subset', ['train', 'test'])
def test_synthetic_sequences_stand_in_for_any_split(split: str, subset: str) -> None:
    dataset = make(dict(synthetic=300), split=split, subset=subset, num_frames=20)
    assert dataset.is_synthetic and dataset.layout.name == 'nucla' and dataset.num_classes == 10
    assert dataset.__getitems__([0])['inputs'].shape == (1, 3, 20, 20, 1)


def test_only_the_sequences_of_the_subset_are_generated() -> None:
    train, test = (make(dict(synthetic=300), subset=subset) for subset in ('train', 'test'))
    whole = generate('nucla', 300, num_classes=10, max_bodies=1)
    assert sorted([*train.names, *test.names]) == whole.index['name'].tolist()
    place = {name: i for i, name in enumerate(whole.index['name'].tolist())}
    for part in (train, test):
        assert len(part.archive) == len(part)
        for i, name in enumerate(part.names):
            np.testing.assert_array_equal(part.archive.sequence(i), whole.sequence(place[name]))
            assert all(
                part.archive.index[column][i] == whole.index[column][place[name]]
                for column in whole.index.keys() - {'offset'}
            )


def test_datasets_of_the_same_generated_sequences_share_them() -> None:
    assert make(dict(synthetic=300)).archive is make(dict(synthetic=300)).archive


def test_missing_data_says_how_to_get_it(tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        make(tmp_path / 'nucla')
    for part in (
        f'{tmp_path}/nucla',
        'frames.npy',
        'all_sqe.zip',
        'tools/prepare_data.py nucla',
        '--synthetic',
    ):
        assert part in str(caught.value)


def test_an_archive_of_another_dataset_is_refused(archive: SkeletonArchive) -> None:
    with pytest.raises(DataError, match='not of dataset ntu60'):
        make(archive, dataset='ntu60', split='xsub')


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (dict(num_frames=0), 'num_frames must be at least 1'),
        (dict(max_bodies=0), 'max_bodies must be at least 1'),
        (dict(archive=dict(synthetc=5)), 'archive is misspelt'),
        (dict(split='xsub'), "nucla has no split 'xsub'"),
        (dict(transforms=[dict(type='CenterEchFrame')]), r'Closest: CenterEachFrame'),
        (dict(transforms=[dict(type='CenterEachFrame', jiont=1)]), r'transforms\[0\].jiont'),
    ],
)
def test_mistakes_in_the_config_are_named(archive_path: Path, options: dict[str, Any], message: str) -> None:
    config = dict(
        type='SkeletonDataset', dataset='nucla', archive=str(archive_path), split='464', subset='train'
    )
    with pytest.raises(ConfigError, match=message):
        DATASETS.build({**config, **options})


def test_generated_sequences_stand_in_for_a_dataset_with_split_lists() -> None:
    made = dict(dataset='pku_mmd', archive=dict(synthetic=60), split='xview')
    train, test = (SkeletonDataset(subset=subset, **made) for subset in ('train', 'test'))  # type: ignore[arg-type]
    assert len(train) + len(test) == 60 and not set(train.names) & set(test.names)
    column = train.archive.index['xview'][train.rows]
    assert len(train) > 10 and len(test) > 10 and set(column) == {'train'}
