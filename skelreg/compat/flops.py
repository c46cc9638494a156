"""Counting operations and parameters of a model."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode


def count_flops(module: nn.Module, example_inputs: tuple[Any, ...]) -> int:
    """Floating-point operations of one forward pass: two per multiply-add.

    Matrix products and convolutions are counted, einsum included; additions of biases and
    elementwise operations are not. Counted is what runs on this device: on a CPU ST-GCN and the transformer
    convolve over frames by products of transforms, mostly with fewer operations than a direct sum. The
    module is run in eval mode and left as it was.

    Args:
        module: Any module.
        example_inputs: Its positional arguments.
    """
    modes = {m: m.training for m in module.modules()}
    counter = FlopCounterMode(display=False)
    try:
        module.eval()
        with torch.no_grad(), counter:
            module(*example_inputs)
    finally:
        for part, training in modes.items():
            part.training = training
    return int(counter.get_total_flops())


def count_parameters(module: nn.Module, trainable_only: bool = False) -> int:
    """Numbers in all parameters, buffers not included."""
    return sum(p.numel() for p in module.parameters() if p.requires_grad or not trainable_only)
