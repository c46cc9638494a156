"""Translation layers between the space of an encoder and that of a task."""

from __future__ import annotations

from torch import Tensor, nn

from ..registry import NECKS
from .base import Neck


@NECKS.register_module()
class LinearTranslation(Neck):
    """One linear layer, ASSL's bridge from the encoder, which also reconstructs, to the classifier.

    Args:
        in_channels: D of the input.
        out_channels: D' of the output.
    Shape:
        x: (N, D); output: (N, D').
    """

    def __init__(self, in_channels: int, out_channels: int = 512) -> None:
        super().__init__()
        if out_channels < 1:
            raise ValueError(f'out_channels must be >= 1, got {out_channels}')
        self.in_channels, self.out_channels = in_channels, out_channels
        self.linear = nn.Linear(in_channels, out_channels)

    def forward(self, x: Tensor) -> Tensor:
        return self.linear(x)
