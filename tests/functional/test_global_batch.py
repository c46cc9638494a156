from __future__ import annotations

from unittest import mock

import pytest
import torch
from torch import Tensor

from skelreg.augmentations.spatial import GaussianNoise
from skelreg.functional import global_batch
from skelreg.functional.frames import segment_frames
from skelreg.functional.global_batch import GlobalBatchGenerator, sample_rows

N, W = 3, 4


def generator(rank: int, world_size: int, batch_size: int) -> GlobalBatchGenerator:
    """As rank `rank` of `world_size` would make it."""
    group = mock.Mock(
        **{'is_available.return_value': True, 'is_initialized.return_value': True},
        **{'get_rank.return_value': rank, 'get_world_size.return_value': world_size},
    )
    with mock.patch.object(global_batch.torch, 'distributed', group):
        return GlobalBatchGenerator(7, batch_size)


def drawn(rank: int, world_size: int, rows: int, batch_size: int) -> dict[str, Tensor]:
    seeded = generator(rank, world_size, batch_size)

    def sample(x: Tensor) -> dict[str, Tensor]:
        return {
            'own': torch.rand(len(x), 2, generator=seeded),
            'shared': torch.rand(1, 2, generator=seeded),
            'scalar': torch.rand((), generator=seeded),
        }

    return sample_rows(sample, torch.zeros(rows, 5), seeded)


@pytest.mark.parametrize('bodies', [1, 2])
def test_ranks_together_draw_what_one_process_draws(bodies: int) -> None:
    whole = drawn(0, 1, W * N * bodies, W * N)
    parts = [drawn(rank, W, N * bodies, N) for rank in range(W)]
    for number in range(W * N):
        for body in range(bodies):
            part = parts[number % W]['own'][number // W * bodies + body]
            assert torch.equal(part, whole['own'][number * bodies + body])
    for name in ('shared', 'scalar'):
        assert all(torch.equal(part[name], whole[name]) for part in parts)


def test_random_frames_are_those_of_one_process() -> None:
    lengths = torch.randint(5, 80, (W * N,), generator=torch.Generator().manual_seed(0))
    whole = segment_frames(lengths, 10, generator(0, 1, W * N))
    for rank in range(W):
        own = segment_frames(lengths[rank::W], 10, generator(rank, W, N))
        assert torch.equal(own, whole[rank::W])


def test_another_generator_draws_for_the_rows_alone() -> None:
    plain = torch.Generator().manual_seed(7)
    found = sample_rows(lambda x: {'u': torch.rand(len(x), generator=plain)}, torch.zeros(N), plain)
    assert torch.equal(found['u'], torch.rand(N, generator=torch.Generator().manual_seed(7)))


def test_rows_that_belong_to_no_whole_sequences_are_refused() -> None:
    with pytest.raises(ValueError, match='4 rows are not those of 3 sequences'):
        drawn(0, W, 4, N)


@pytest.mark.parametrize('batch_size', [1, N])
@pytest.mark.parametrize('p', [0.5, 1.0])
def test_noise_of_ranks_is_that_of_one_process(batch_size: int, p: float) -> None:
    x = torch.randn(W * batch_size, 2, 3, 4, 2, generator=torch.Generator().manual_seed(0))
    augmentation = GaussianNoise(std=1.0, p=p)
    whole = augmentation(x, generator(0, 1, W * batch_size))
    for rank in range(W):
        own = augmentation(x[rank::W], generator(rank, W, batch_size))
        assert torch.equal(own, whole[rank::W])
