"""Batch-norm statistics of an encoder, estimated from data without training."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from mmengine.runner import EpochBasedTrainLoop, Runner
from torch import nn
from torch.utils.data import DataLoader

from ..compat.run_state import bare_model
from ..errors import DataError
from ..registry import LOOPS


@LOOPS.register_module()
class BatchNormEstimationLoop(EpochBasedTrainLoop):
    """Makes the random encoder of a baseline: estimates batch-norm statistics and saves a checkpoint.

    Args:
        runner: The Runner.
        dataloader: Of the training set; its batch size is the one that statistics are averaged over.
    """

    def __init__(self, runner: Runner, dataloader: DataLoader | dict[str, Any]) -> None:
        super().__init__(runner, dataloader, max_epochs=1)

    def run_epoch(self) -> None:
        """One pass over the data, between the hooks of an epoch."""
        self.runner.call_hook('before_train_epoch')
        batch_size = self.dataloader.batch_sampler.batch_size
        batches = estimate_batchnorm(bare_model(self.runner), self.dataloader.dataset, batch_size)
        self.runner.logger.info(f'random encoder: batch-norm statistics averaged over {batches} batches')
        self.runner.call_hook('after_train_epoch')
        self._epoch += 1


_BatchNorm = nn.modules.batchnorm._BatchNorm


@torch.no_grad()
def estimate_batchnorm(model: Any, dataset: Any, batch_size: int = 128) -> int:
    """Replace the backbone's running statistics by averages over a whole dataset.

    The statistics that torch starts with (mean 0, variance 1) make a random encoder look worse than
    it is: a baseline must see the data that the trained encoder saw. Every batch counts the same (the
    cumulative average of torch's momentum None), weights stay as they are, and dropout is off while
    batch norm listens, so that the result does not depend on chance.

    Args:
        model: A Learner.
        dataset: The training set, shuffled (always in the same way) and not augmented: a dataset in the
            order of its classes would give each batch the variance of one class.
        batch_size: Sequences a batch; a remainder of fewer than half as many is left out, since its own
            statistics would be noise with a full batch's weight.
    Returns:
        How many batches were averaged.
    Raises:
        DataError: If the dataset is empty.
    """
    if len(dataset) == 0:
        raise DataError('batch-norm statistics need at least one sequence', where=type(dataset).__name__)
    batches = 0
    with _listening(model.backbone):
        order = torch.randperm(len(dataset), generator=torch.Generator().manual_seed(0)).tolist()
        for rows in _batches(len(dataset), batch_size):
            batch = model.data_preprocessor(dataset.__getitems__([order[row] for row in rows]), False)
            model.backbone.encode(batch['multi_view'].views[0])
            batches += 1
    return batches


def _batches(length: int, batch_size: int) -> Iterator[list[int]]:
    for first in range(0, length, batch_size):
        rows = list(range(first, min(first + batch_size, length)))
        if first == 0 or len(rows) >= batch_size / 2:
            yield rows


@contextmanager
def _listening(backbone: nn.Module) -> Iterator[None]:
    """All in eval mode but batch norm, which averages cumulatively from fresh; then as it was before."""
    modes = {module: module.training for module in backbone.modules()}
    norms = [m for m in backbone.modules() if isinstance(m, _BatchNorm) and m.track_running_stats]
    momenta = [norm.momentum for norm in norms]
    try:
        backbone.eval()
        for norm in norms:
            norm.reset_running_stats()
            norm.momentum = None
            norm.train()
        yield
    finally:
        for norm, momentum in zip(norms, momenta, strict=True):
            norm.momentum = momentum
        for module, training in modes.items():
            module.training = training
