"""Projectors of contrastive methods."""

from __future__ import annotations

from torch import Tensor, nn

from ..registry import NECKS
from .base import Neck


@NECKS.register_module()
class MLPProjection(Neck):
    """Linear layers with ReLU between them, and batch norm if asked for.

    Args:
        in_channels: D of the input.
        out_channels: d, the length of the projected vector.
        hidden_channels: Width between the layers; None takes in_channels, as HiCLR does.
        num_layers: How many linear layers.
        batch_norm: Normalise over the batch behind every linear layer but the last.
    Shape:
        x: (N, D); output: (N, d).
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int = 128,
        hidden_channels: int | None = None,
        num_layers: int = 2,
        batch_norm: bool = False,
    ) -> None:
        super().__init__()
        hidden = in_channels if hidden_channels is None else hidden_channels
        if min(hidden, out_channels) < 1:
            raise ValueError(
                f'channels must be >= 1, got hidden_channels={hidden}, out_channels={out_channels}'
            )
        if num_layers < 1:
            raise ValueError(f'num_layers must be >= 1, got {num_layers}; HiCLR configs use 2')
        self.in_channels, self.out_channels = in_channels, out_channels
        layers: list[nn.Module] = []
        width = in_channels
        for _ in range(num_layers - 1):
            norm = [nn.BatchNorm1d(hidden)] if batch_norm else []
            layers += [nn.Linear(width, hidden), *norm, nn.ReLU()]
            width = hidden
        self.layers = nn.Sequential(*layers, nn.Linear(width, out_channels))

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(x)
