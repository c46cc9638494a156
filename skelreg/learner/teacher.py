"""The slowly moving copy of encoder and classifier that predicts targets (Mean Teacher)."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from .moving_average import MovingAverage


class Teacher(MovingAverage):
    """Exponential moving average of backbone, neck and classifier; its batch norm has its own statistics.

    It makes logits (N, classes) of a view. In the first steps the momentum is smaller,
    min(m, 1 - 1 / (steps + 1)), so that the teacher soon forgets the random weights it started from.

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
        self._done = 0  # the same for the host, which would wait for a GPU's number in every step

    def update(self, followed: nn.ModuleDict) -> None:
        """One step of the moving average, over parameters only."""
        self.move(followed, min(self.momentum, 1 - 1 / (self._done + 1)))
        self.steps += 1
        self._done += 1

    def _load_from_state_dict(self, *arguments: Any) -> None:
        super()._load_from_state_dict(*arguments)
        self._done = int(self.steps)
