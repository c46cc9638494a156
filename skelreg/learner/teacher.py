"""The slowly moving copy of encoder and classifier that predicts targets (Mean Teacher)."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from ..structures import View
from .moving_average import MovingAverage


class Teacher(MovingAverage):
    """Exponential moving average of backbone, neck and classifier; its batch norm has its own statistics.

    In the first steps the momentum is smaller, min(m, 1 - 1 / (steps + 1)), so that the teacher soon
    forgets the random weights it started from.

    Args:
        student: The modules to follow, in the order in which they run: the backbone first.
        momentum: m in teacher <- m teacher + (1 - m) student.
        predicts: Whether the model predicts with the teacher when it is evaluated.
    """

    steps: Tensor

    def __init__(self, student: nn.ModuleDict, momentum: float = 0.999, predicts: bool = False) -> None:
        super().__init__(student, momentum)
        self.predicts = predicts
        self.register_buffer('steps', torch.zeros((), dtype=torch.int64))

    def update(self, followed: nn.ModuleDict) -> None:
        """One step of the moving average, over parameters only."""
        self.move(followed, min(self.momentum, 1 - 1 / (int(self.steps) + 1)))
        self.steps += 1

    @torch.no_grad()
    def forward(self, view: View) -> Tensor:
        """(N, classes) logits of a view."""
        backbone: Any = self.encoder['backbone']
        x = backbone.encode(view).pooled.float()
        for name, module in self.encoder.items():
            if name != 'backbone':
                x = module(x)
        return x
