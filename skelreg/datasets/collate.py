"""Collation for datasets that fetch whole batches."""

from __future__ import annotations

from torch import Tensor

from ..registry import FUNCTIONS


@FUNCTIONS.register_module(name='batch_collate')
def batch_collate(batch: dict[str, Tensor]) -> dict[str, Tensor]:
    """Pass through a batch that `SkeletonDataset.__getitems__` has already put together.

    Configs name it `collate_fn=dict(type='skelreg.batch_collate')`; MMEngine's default collation
    fails on such a batch.
    """
    return batch
