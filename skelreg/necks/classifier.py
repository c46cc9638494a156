"""Classifiers."""

from __future__ import annotations

from torch import Tensor, nn

from ..registry import NECKS
from .base import Neck


@NECKS.register_module()
class LinearClassifier(Neck):
    """One linear layer.

    Args:
        in_channels: D of the input.
        num_classes: How many classes.
    Shape:
        x: (N, D); output: (N, num_classes).
    """

    def __init__(self, in_channels: int, num_classes: int) -> None:
        super().__init__()
        if num_classes < 2:
            raise ValueError(f'num_classes must be >= 2, got {num_classes}')
        self.in_channels, self.out_channels = in_channels, num_classes
        self.linear = nn.Linear(in_channels, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        return self.linear(x)
