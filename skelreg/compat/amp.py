"""Mixed precision that also works on the CPU."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from mmengine.optim import OptimWrapper
from torch import nn

from ..registry import OPTIM_WRAPPERS


@OPTIM_WRAPPERS.register_module()
class AutocastOptimWrapper(OptimWrapper):
    """Runs the training step under bfloat16 autocast, on whatever device the model is.

    MMEngine's own wrapper refuses to run without a GPU. bfloat16 has float32's range, so no loss
    scaling is needed.

    Args:
        optimizer, accumulative_counts, clip_grad: As MMEngine's OptimWrapper takes them.
    """

    @contextmanager
    def optim_context(self, model: nn.Module) -> Iterator[None]:
        """Autocast around the forward pass; the backward pass follows the types that it used."""
        device = next(model.parameters()).device.type
        with super().optim_context(model), torch.autocast(device, dtype=torch.bfloat16):
            yield
