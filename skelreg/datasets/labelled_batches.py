"""Batches with a fixed share of labelled sequences."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch.utils.data import Sampler

from ..errors import ConfigError
from ..registry import DATA_SAMPLERS

_PURPOSES = ('unlabelled', 'labelled')


@DATA_SAMPLERS.register_module()
class LabelledUnlabelledBatches(Sampler[list[int]]):
    """Batches of labelled and unlabelled sequences, the labelled first; stands under `batch_sampler`.

    An epoch is one pass over the unlabelled sequences in a new order, without the remainder that fills no
    batch; the labelled ones go round as often as that takes, and no batch holds one twice. The order
    depends on the seed, the epoch and the rank alone, so that a resumed run sees what the uninterrupted one
    sees. The dataloader must not set drop_last.

    Args:
        sampler: The dataloader's `DefaultSampler`; gives dataset, seed, epoch and rank.
        batch_size: Of the dataloader, on each rank.
        labelled_share: Share of labelled sequences in a batch, rounded, at least one of each kind; where
            there are fewer labelled sequences than that, a batch holds all of them.

    Raises:
        ConfigError: If the dataset has no labelled or no unlabelled sequence, or a batch no room for both.
    """

    def __init__(self, sampler: Any, batch_size: int, labelled_share: float = 0.5) -> None:
        if not 0 < labelled_share < 1:
            raise ValueError(f'labelled_share must lie between 0 and 1, got {labelled_share}')
        if batch_size < 2:
            raise ValueError(f'batch_size must be at least 2, one of each kind, got {batch_size}')
        self.sampler, self.batch_size = sampler, batch_size
        labels = sampler.dataset.labels.numpy()
        self._labelled, self._unlabelled = np.flatnonzero(labels >= 0), np.flatnonzero(labels < 0)
        for kind, rows in (('labelled', self._labelled), ('unlabelled', self._unlabelled)):
            if len(rows) == 0:
                raise ConfigError(
                    f'batches of labelled and unlabelled sequences need both, and none is {kind}',
                    got=f'{len(labels)} sequences', where='train_dataloader.batch_sampler',
                    fix='set label_budget and unlabelled=\'keep\' in train_dataloader.dataset, '
                    'or remove batch_sampler',
                )
        wanted = min(max(round(labelled_share * batch_size), 1), batch_size - 1)
        self.unlabelled_per_batch = min(batch_size - wanted, len(self._unlabelled))
        self.labelled_per_batch = min(wanted, len(self._labelled))

    def __len__(self) -> int:
        """Batches of this rank in an epoch; all ranks have the same number."""
        return max(len(self._unlabelled) // (self.unlabelled_per_batch * self.sampler.world_size), 1)

    def __iter__(self) -> Iterator[list[int]]:
        """The batches of one epoch, as positions in the dataset."""
        rank, world_size = self.sampler.rank, self.sampler.world_size
        order = self._generator('unlabelled', rank=0).permutation(self._unlabelled)
        own = np.resize(order, len(self) * world_size * self.unlabelled_per_batch)[rank::world_size]
        labelled = self._endless(self._generator('labelled', rank=rank))
        for batch in own.reshape(len(self), self.unlabelled_per_batch):
            yield [*next(labelled), *batch.tolist()]

    def _generator(self, purpose: str, rank: int) -> np.random.Generator:
        seed = (self.sampler.seed, self.sampler.epoch, rank, _PURPOSES.index(purpose))
        return np.random.default_rng(seed)

    def _endless(self, generator: np.random.Generator) -> Iterator[list[int]]:
        """Labelled parts of batches, each sequence once before any comes again."""
        count = self.labelled_per_batch
        waiting: NDArray[np.int64] = generator.permutation(self._labelled)
        while True:
            if len(waiting) < count:  # the next round, those that are in this batch already at its end
                following = generator.permutation(self._labelled)
                is_here = np.isin(following, waiting)
                waiting = np.concatenate([waiting, following[~is_here], following[is_here]])
            yield waiting[:count].tolist()
            waiting = waiting[count:]
