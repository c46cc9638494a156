"""Testing with several augmented copies of every sequence, whose scores are averaged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from mmengine.evaluator import Evaluator
from mmengine.runner import Runner, TestLoop
from mmengine.runner.amp import autocast
from torch.utils.data import DataLoader

from ..compat.run_state import bare_model
from ..registry import LOOPS, POLICIES

#: HiCLR's basic views.
BASIC: tuple[Mapping[str, Any], ...] = (
    {'type': 'TemporalCrop', 'padding_ratio': 6},
    {'type': 'Shear', 'amplitude': 0.5},
)


@LOOPS.register_module()
class AugmentedTestLoop(TestLoop):
    """Classify several augmented copies of every sequence and average their logits.

    The draws follow the seed of the run and are the same in every evaluation.

    Args:
        runner, dataloader, evaluator, fp16: As MMEngine's TestLoop takes them.
        copies: How many copies of each sequence are scored; the plain sequence is none of them.
        augmentations: Configs of what makes a copy.
    """

    dataloader: Any

    def __init__(
        self,
        runner: Runner,
        dataloader: DataLoader | dict,
        evaluator: Evaluator | dict | list,
        fp16: bool = False,
        copies: int = 5,
        augmentations: Sequence[Mapping[str, Any]] = BASIC,
    ) -> None:
        super().__init__(runner, dataloader, evaluator, fp16)
        if copies < 1:
            raise ValueError(f'copies must be at least 1, got {copies}')
        self.copies = copies
        cfg = {'type': 'SingleViewPolicy', 'augmentations': list(augmentations)}
        layout = self.dataloader.dataset.layout
        self.policy = POLICIES.build(cfg, where='test_cfg.augmentations', layout=layout)

    @torch.no_grad()
    def run_iter(self, idx: int, data_batch: Mapping[str, Any]) -> None:
        """Score one batch."""
        self.runner.call_hook('before_test_iter', batch_idx=idx, data_batch=data_batch)
        learner: Any = bare_model(self.runner)
        preprocessor = learner.data_preprocessor
        batch = dict(preprocessor.cast_data(data_batch))
        inputs, policy = batch.pop('inputs'), self.policy.to(preprocessor.device)
        with autocast(enabled=self.fp16):
            outputs = [
                learner(mode='predict', multi_view=preprocessor.views_by(policy, frames), **batch)[0]
                for frames in (
                    preprocessor.choose_frames(inputs, batch.get('lengths'), training=True)
                    for _ in range(self.copies)
                )
            ]
        scores = torch.stack([output['scores'].float() for output in outputs]).mean(dim=0)
        samples = [{**outputs[0], 'scores': scores}]
        self.evaluator.process(data_samples=samples, data_batch=data_batch)
        self.runner.call_hook('after_test_iter', batch_idx=idx, data_batch=data_batch, outputs=samples)
