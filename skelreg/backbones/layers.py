"""Layers that backbones share; inside them channels come first, and the B bodies lie inside.

Shape (C, T, B, V) instead of (B, C, T, V) turns every layer into a few large matrix products over rows that
lie one after the other in memory, and a channel into one row, whose mean and variance are quickly had.
What enters and leaves a backbone is (N, C, T, V, M).
"""

from __future__ import annotations

from torch import Tensor, nn

from ..functional.channel_norm import channel_norm
from ..functional.temporal_convolution import temporal_convolution


class ChannelsFirstConv(nn.Conv2d):
    """A linear layer over channels, or a convolution along the axis behind them.

    An `nn.Conv2d` for the sake of its parameters, initialisation and checkpoints; it takes (C, T, B, V),
    not (B, C, T, V), and keeps the length but for the stride.

    Args:
        in_channels: C.
        out_channels: C_out.
        num_taps: Frames that the kernel spans, odd; 1 only mixes channels.
        stride: Frames from one output frame to the next.
    Shape:
        x: (C, T, B, V); output: (C_out, ceil(T / stride), B, V).
    """

    def __init__(self, in_channels: int, out_channels: int, num_taps: int = 1, stride: int = 1) -> None:
        super().__init__(in_channels, out_channels, (num_taps, 1), (stride, 1), (num_taps // 2, 0))

    def forward(self, x: Tensor) -> Tensor:
        y = temporal_convolution(x.flatten(2), self.weight, self.bias, self.stride[0])  # (C_out, T', B * V)
        return y.unflatten(2, x.shape[2:])


class ChannelsFirstConvNorm(nn.Sequential):
    """`ChannelsFirstConv` and the batch norm behind it.

    Shape:
        x: (C, T, B, V); output: (C_out, ceil(T / stride), B, V).
    """

    def __init__(self, in_channels: int, out_channels: int, num_taps: int = 1, stride: int = 1) -> None:
        super().__init__(
            ChannelsFirstConv(in_channels, out_channels, num_taps, stride), nn.BatchNorm2d(out_channels)
        )

    def forward(self, x: Tensor) -> Tensor:
        conv, norm = self
        return channel_norm(norm, conv(x))


def mean_of_frames_and_joints(x: Tensor) -> Tensor:
    """(B, C) of x (C, T, B, V)."""
    return x.mean(dim=1).mean(dim=2).T
