from __future__ import annotations

from collections import Counter
from unittest import mock

import pytest

from skelreg.datasets import samplers
from skelreg.datasets.samplers import RepeatingSampler


class Few:
    """Five labelled sequences of a subset of 42."""

    subset_size = 42

    def __len__(self) -> int:
        return 5


def positions(rank: int = 0, world_size: int = 1, epoch: int = 0, length: int | None = None) -> list[int]:
    with mock.patch.object(samplers, 'get_dist_info', lambda: (rank, world_size)):
        sampler = RepeatingSampler(Few(), epoch_length=length, seed=3)
    sampler.set_epoch(epoch)
    drawn = list(sampler)
    assert len(drawn) == len(sampler)
    return drawn


def test_an_epoch_is_as_long_as_the_whole_subset() -> None:
    counts = Counter(positions())
    assert sum(counts.values()) == 42 and set(counts) == set(range(5)) and set(counts.values()) == {8, 9}


def test_an_epoch_can_have_any_length() -> None:
    assert len(positions(length=7)) == 7 and sorted(positions(length=10)) == sorted([*range(5), *range(5)])
    assert len(set(positions(length=3))) == 3


def test_epochs_differ_and_repeat() -> None:
    assert positions(epoch=1) == positions(epoch=1) != positions(epoch=2)


def test_ranks_share_one_epoch() -> None:
    parts = [positions(rank, world_size=4) for rank in range(4)]
    assert {len(part) for part in parts} == {11}
    together = [parts[i % 4][i // 4] for i in range(44)]
    assert together[:42] == positions()[:42]


def test_an_empty_epoch_is_refused() -> None:
    with pytest.raises(ValueError, match='at least 1'):
        RepeatingSampler(Few(), epoch_length=0)
