from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from skelreg.datasets.dataset import SkeletonDataset
from skelreg.datasets.joined import JoinedDataset
from skelreg.datasets.samplers import RepeatingSampler
from skelreg.errors import ConfigError
from skelreg.runner import build_runner, load_config

ROOT = Path(__file__).parents[2]


def part(dataset: str = 'nucla', **options: Any) -> SkeletonDataset:
    options = {'archive': dict(synthetic=40, seed=1), 'split': 'camera_1', 'subset': 'train', **options}
    return SkeletonDataset(dataset, **options)


@pytest.mark.parametrize('num_frames', [12, None])
def test_a_batch_holds_the_sequences_of_its_parts_in_the_order_asked_for(num_frames: int | None) -> None:
    parts = [part(num_frames=num_frames), part(split='camera_2', num_frames=num_frames)]
    joined = JoinedDataset(parts, labels='all')
    n = len(parts[0])
    assert len(joined) == n + len(parts[1]) and joined.sources.tolist() == [0] * n + [1] * len(parts[1])
    rows = [n + 1, 0, n - 1, n]
    batch = joined.__getitems__(rows)
    assert batch['index'].tolist() == rows
    for place, row in enumerate(rows):
        own = parts[row >= n][row - n if row >= n else row]
        frames = own['inputs'].shape[1]
        torch.testing.assert_close(batch['inputs'][place, :, :frames], own['inputs'])
        assert not batch['inputs'][place, :, frames:].any()
        assert [batch[k][place].item() for k in ('lengths', 'bodies', 'labels')] == [
            own[k].item() for k in ('lengths', 'bodies', 'labels')
        ]
    assert joined.names == parts[0].names + parts[1].names and joined.names is joined.names
    torch.testing.assert_close(joined[-1]['inputs'], joined.__getitems__([len(joined) - 1])['inputs'][0])


def test_an_epoch_of_repeated_labels_is_as_long_as_the_subsets_of_all_sets() -> None:
    budget = dict(label_budget=dict(per_class_n=1))
    joined = JoinedDataset([part(**budget), part(split='camera_2', **budget)])
    whole = len(part()) + len(part(split='camera_2'))
    assert joined.subset_size == whole > len(joined)
    assert len(list(RepeatingSampler(joined, seed=0))) == whole


def test_batches_have_the_bodies_of_the_set_with_the_most() -> None:
    joined = JoinedDataset([part(num_frames=8), part(num_frames=8, max_bodies=2)])
    assert joined.max_bodies == 2 and joined.__getitems__([0])['inputs'].shape[-1] == 2


def test_the_sets_behind_the_first_are_unlabelled_unless_asked_for() -> None:
    first, second = part(), part(split='camera_2')
    assert JoinedDataset([first, second]).labels.tolist() == first.labels.tolist() + [-1] * len(second)
    both = JoinedDataset([first, second], labels='all')
    assert both.labels[len(first) :].tolist() == second.labels.tolist()
    fingerprints = {JoinedDataset(parts).fingerprint for parts in ([first, second], [second, first])}
    assert len(fingerprints) == 2


@pytest.mark.parametrize(
    ('others', 'options', 'message'),
    [
        ([], {}, 'at least two'),
        ([dict(dataset='ntu60', split='xsub')], {}, 'differ in layout'),
        ([dict(num_frames=8)], {}, r'datasets\[1\].num_frames'),
        ([dict(resident='auto')], {}, r'datasets\[1\].resident'),
    ],
)
def test_sets_that_do_not_fit_are_refused(
    others: list[dict[str, Any]], options: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        JoinedDataset([part(), *(part(**other) for other in others)], **options)


def test_a_mistake_in_a_part_is_named_with_its_place() -> None:
    with pytest.raises(ConfigError, match=r'datasets\[0\]'):
        JoinedDataset([dict(type='SkeletonDataset', dataset='nucla'), part()])
    with pytest.raises(ValueError, match="labels must be 'first' or 'all'"):
        JoinedDataset([part(), part()], labels='none')  # type: ignore[arg-type]


def test_a_config_aligns_two_cameras(tmp_path: Path) -> None:
    options = {'train_cfg.max_epochs': 1, 'train_dataloader.batch_size': 16}
    cfg = load_config(ROOT / 'configs/mixed/gru_nucla_two_cameras.py', options, synthetic=96)
    runner = build_runner(cfg, tmp_path)
    runner.train()
    logged = (tmp_path / 'scalars.jsonl').read_text()
    assert 'alignment/discriminator' in logged and 'alignment/encoder' in logged


def test_a_part_that_is_not_there_is_refused_as_a_domain(tmp_path: Path) -> None:
    domains = {'model.regularizers.alignment.domains': ('dataset_0', 'dataset_2')}
    cfg = load_config(ROOT / 'configs/mixed/gru_nucla_two_cameras.py', domains, synthetic=96)
    with pytest.raises(ConfigError, match=r'dataset_2(?s:.*)dataset_0 to dataset_1'):
        build_runner(cfg, tmp_path)
