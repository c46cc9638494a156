from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from mmengine.dataset import DefaultSampler

from skelreg.datasets.labelled_batches import LabelledUnlabelledBatches
from skelreg.errors import ConfigError


def sampler(labelled: int = 5, unlabelled: int = 20, epoch: int = 0, rank: int = 0, world: int = 1) -> Any:
    """What MMEngine hands down; the labelled sequences are the even ones, as far as there are enough."""
    labels = torch.full((labelled + unlabelled,), -1)
    labels[torch.arange(labelled) * 2 % (labelled + unlabelled)] = 1
    dataset = SimpleNamespace(labels=labels, __len__=lambda: len(labels))
    return SimpleNamespace(dataset=dataset, seed=3, epoch=epoch, rank=rank, world_size=world)


def batches(batch_size: int = 8, share: float = 0.25, **options: Any) -> list[list[int]]:
    return list(LabelledUnlabelledBatches(sampler(**options), batch_size, share))


def kinds(batch: list[int], labelled: int = 5) -> list[bool]:
    return [row < 2 * labelled and row % 2 == 0 for row in batch]


@pytest.mark.parametrize(
    ('share', 'labelled', 'unlabelled'), [(0.25, 2, 6), (0.5, 4, 4), (0.01, 1, 7), (0.99, 5, 1)]
)
def test_a_batch_holds_the_stated_share_first(share: float, labelled: int, unlabelled: int) -> None:
    """With a share of 0.99 there is room for 7, and all 5 that exist are in."""
    for batch in batches(share=share):
        assert kinds(batch) == [True] * labelled + [False] * unlabelled


def test_an_epoch_is_one_pass_over_the_unlabelled_without_the_remainder() -> None:
    found = [row for batch in batches() for row in batch[2:]]
    assert len(batches()) == 20 // 6 and len(set(found)) == len(found) == 18


def test_the_labelled_go_round_evenly_and_no_batch_holds_one_twice() -> None:
    found = [batch[:3] for batch in batches(4, 0.75, unlabelled=25)]
    counts = np.bincount([row for batch in found for row in batch])[::2][:5]
    assert all(len(set(batch)) == 3 for batch in found)
    assert counts.sum() == 75 and counts.max() - counts.min() <= 1


def test_the_order_is_that_of_seed_and_epoch_alone() -> None:
    assert batches() == batches() != batches(epoch=1)


def test_ranks_share_the_unlabelled_and_have_as_many_batches() -> None:
    ranks = [batches(rank=rank, world=2, unlabelled=26) for rank in (0, 1)]
    rows = [{row for batch in rank for row in batch[2:]} for rank in ranks]
    assert len(ranks[0]) == len(ranks[1]) == 2
    assert len(rows[0]) == len(rows[1]) == 12 and not rows[0] & rows[1]
    assert [batch[:2] for batch in ranks[0]] != [batch[:2] for batch in ranks[1]]


def test_few_sequences_still_make_a_batch() -> None:
    (batch,) = batches(batch_size=64, share=0.5, labelled=3, unlabelled=7)
    assert sorted(batch) == list(range(10))


@pytest.mark.parametrize(('labelled', 'unlabelled', 'kind'), [(0, 9, 'labelled'), (9, 0, 'unlabelled')])
def test_data_without_one_of_the_kinds_are_refused(labelled: int, unlabelled: int, kind: str) -> None:
    with pytest.raises(ConfigError, match=f'none is {kind}'):
        batches(labelled=labelled, unlabelled=unlabelled)


@pytest.mark.parametrize('options', [dict(share=0.0), dict(share=1.0), dict(batch_size=1)])
def test_bad_arguments_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match='must'):
        batches(**options)


def test_it_goes_under_mmengines_sampler() -> None:
    class Sequences(list):
        labels = torch.tensor([0, -1, -1, 1, -1, -1])

    order = DefaultSampler(Sequences(range(6)), seed=0)
    made = LabelledUnlabelledBatches(order, batch_size=3, labelled_share=0.3)
    first = list(made)
    made.sampler.set_epoch(1)
    assert len(first) == 2 and first != list(made)
