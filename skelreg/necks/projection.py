"""Projectors of contrastive methods."""

from __future__ import annotations

from torch import Tensor, nn

from ..registry import NECKS
from .base import Neck


@NECKS.register_module()
class MLPProjection(Neck):
    """Linear, ReLU, Linear.

    Args:
        in_channels: D of the input.
        out_channels: d, the length of the contrasted vector.
        hidden_channels: Width between the two layers; None takes in_channels, as HiCLR does.
    Shape:
        x: (N, D); output: (N, d).
    """

    def __init__(self, in_channels: int, out_channels: int = 128, hidden_channels: int | None = None) -> None:
        super().__init__()
        hidden = in_channels if hidden_channels is None else hidden_channels
        if min(hidden, out_channels) < 1:
            raise ValueError(
                f'channels must be >= 1, got hidden_channels={hidden}, out_channels={out_channels}'
            )
        self.in_channels, self.out_channels = in_channels, out_channels
        self.layers = nn.Sequential(
            nn.Linear(in_channels, hidden), nn.ReLU(), nn.Linear(hidden, out_channels)
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(x)
