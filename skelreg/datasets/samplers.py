"""Orders in which a dataloader visits a dataset."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import torch
from mmengine.dist import get_dist_info, sync_random_seed
from torch.utils.data import Sampler

from ..registry import DATA_SAMPLERS


@DATA_SAMPLERS.register_module()
class RepeatingSampler(Sampler[int]):
    """Epochs of a fixed length over a dataset that may be much smaller, shuffled.

    The schedule of a training on few labels is then counted in steps, and does not shrink with the label
    budget. By default an epoch is as long as the whole subset, of which the dataset holds the labelled
    part: HiCLR's release counts the epochs of its semi-supervised runs so.

    Every sequence comes equally often in an epoch, but for one time more or less.

    Args:
        dataset: The dataset; the default length needs its `subset_size`.
        epoch_length: Sequences in an epoch, over all ranks; None takes the size of the whole subset.
        seed: Of the shuffling, the same on every rank; the Runner gives its own.
    """

    def __init__(self, dataset: Any, epoch_length: int | None = None, seed: int | None = None) -> None:
        length = dataset.subset_size if epoch_length is None else epoch_length
        if length < 1:
            raise ValueError(f'epoch_length must be at least 1, got {length}')
        self.rank, self.world_size = get_dist_info()
        self.dataset, self.seed, self.epoch = dataset, sync_random_seed() if seed is None else seed, 0
        self.num_samples = math.ceil(length / self.world_size)

    def __iter__(self) -> Iterator[int]:
        """This rank's positions; all ranks together get `epoch_length` of them, rounded up."""
        total, size = self.num_samples * self.world_size, len(self.dataset)
        generator = torch.Generator().manual_seed(self.seed + self.epoch)
        rounds = [torch.randperm(size, generator=generator) for _ in range(math.ceil(total / size))]
        positions: list[int] = torch.cat(rounds)[self.rank : total : self.world_size].tolist()
        return iter(positions)

    def __len__(self) -> int:
        """Samples of this rank."""
        return self.num_samples

    def set_epoch(self, epoch: int) -> None:
        """Another order in every epoch, the same in a resumed run."""
        self.epoch = epoch
