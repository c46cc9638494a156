"""What a run takes so that several processes can be compared with one."""

from __future__ import annotations

from typing import Any

from mmengine.hooks import Hook
from mmengine.runner import Runner
from torch import nn

from skelreg.compat.run_state import bare_model
from skelreg.engine.batchnorm import estimate_batchnorm


class EvalBatchNorm(Hook):
    """Keeps batch norm at the statistics of the data; training, it sees a rank's part of the batch alone."""

    def before_train(self, runner: Runner) -> None:
        """Without statistics, ten blocks of an untrained network leave nothing of their input."""
        model: Any = bare_model(runner)
        estimate_batchnorm(model, runner.train_loop.dataloader.dataset)
        model.after_pretrained()

    def before_train_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None) -> None:
        """The loop puts the whole model into train mode before every epoch."""
        for module in runner.model.modules():
            if isinstance(module, nn.modules.batchnorm._BatchNorm):
                module.eval()
