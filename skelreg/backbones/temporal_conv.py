"""The convolution over frames that backbones share."""

from __future__ import annotations

from torch import Tensor, nn

from ..functional.temporal_convolution import temporal_convolution


class TemporalConv2d(nn.Conv2d):
    """A convolution along time alone, which keeps the length but for the stride.

    Its parameters are those of `nn.Conv2d` with a kernel of (num_taps, 1).

    Args:
        in_channels: C.
        out_channels: C_out.
        num_taps: Frames that the kernel spans, odd.
        stride: Frames from one output frame to the next.
    Shape:
        x: (B, C, T, V); output: (B, C_out, ceil(T / stride), V).
    """

    def __init__(self, in_channels: int, out_channels: int, num_taps: int, stride: int = 1) -> None:
        super().__init__(in_channels, out_channels, (num_taps, 1), (stride, 1), (num_taps // 2, 0))

    def forward(self, x: Tensor) -> Tensor:
        return temporal_convolution(x, self.weight, self.bias, self.stride[0])
