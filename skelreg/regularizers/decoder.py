"""From a feature vector back to a skeleton sequence."""

from __future__ import annotations

from itertools import pairwise
from typing import cast

from torch import Tensor, nn

from ..functional.recurrence import run_layer


class RecurrentDecoder(nn.Module):
    """GRU layers that read the sequence's feature vector at every frame and write the skeleton of the frame.

    Args:
        feature_channels: D.
        shape: (C, V, M) of a frame.
        hidden_channels: Width of the GRU layers.
        num_layers: How many.
    Shape:
        pooled: (N, D); output: (N, C, num_frames, V, M).
    """

    def __init__(
        self, feature_channels: int, shape: tuple[int, int, int], hidden_channels: int, num_layers: int
    ) -> None:
        super().__init__()
        if min(hidden_channels, num_layers, *shape) < 1:
            raise ValueError(
                'the decoder needs at least one channel, layer, joint and body, got '
                f'hidden_channels={hidden_channels}, num_layers={num_layers}, (C, V, M)={shape}'
            )
        self.shape = shape
        widths = (feature_channels, *(hidden_channels,) * num_layers)
        self.layers = nn.ModuleList(nn.GRU(width, following) for width, following in pairwise(widths))
        c, v, m = shape
        self.linear = nn.Linear(hidden_channels, c * v * m)

    def forward(self, pooled: Tensor, num_frames: int) -> Tensor:
        states = pooled.expand(num_frames, *pooled.shape)  # (T, N, D)
        for layer in self.layers:
            states = run_layer(cast(nn.GRU, layer), states)
        return self.linear(states).unflatten(2, self.shape).permute(1, 2, 0, 3, 4)  # (N, C, T, V, M)
