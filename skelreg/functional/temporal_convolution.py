"""Convolution over frames, with far fewer multiplications where channels are many and frames few."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

#: Fewer channels than this and the transforms cost more than they save; measured on a CPU.
MIN_CHANNELS = 128


def temporal_convolution(x: Tensor, weight: Tensor, bias: Tensor | None, stride: int = 1) -> Tensor:
    """Convolve along time with an odd number of taps; zeros beyond both ends keep the length.

    On a CPU, in float32, wide layers go through the discrete Fourier transform of the frames: of T frames
    and K taps it leaves about 1.5 (T + K / 2) products of channels instead of K T, a fifth for 9 taps. The
    transform is a well-conditioned matrix, so the result is that of the direct sum to float32's rounding.

    Shape:
        x: (B, C, T, V); weight: (C_out, C, K, 1), K odd; bias: (C_out);
        output: (B, C_out, ceil(T / stride), V).
    """
    c_out, c_in, taps, _ = weight.shape
    wide = min(c_in, c_out) >= max(MIN_CHANNELS, x.shape[2])
    exact = x.device.type == 'cpu' and x.dtype == torch.float32 and not torch.is_autocast_enabled('cpu')
    if wide and exact and stride == 1:
        return _by_products(x, weight, bias)
    return torch.nn.functional.conv2d(x, weight, bias, (stride, 1), (taps // 2, 0))


def _by_products(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """The same sum as ``to_frames @ ((from_frames @ x) * (from_taps @ weight))``, * a matrix product."""
    b, c, t, v = x.shape
    c_out, _, num_taps, _ = weight.shape
    from_frames, from_taps, to_frames = _transforms(t, num_taps)
    frames = x.permute(2, 1, 0, 3).reshape(t, -1)  # (T, C * B * V)
    taps = weight.permute(2, 0, 1, 3).reshape(num_taps, -1)  # (K, C_out * C)
    mixing, mixed = (from_taps @ taps).view(-1, c_out, c), (from_frames @ frames).view(-1, c, b * v)
    products = torch.bmm(mixing, mixed)  # (P, C_out, B * V)
    start = x.new_zeros(1) if bias is None else bias.repeat_interleave(b * v)
    y = torch.addmm(start, to_frames, products.flatten(1))  # (T, C_out * B * V)
    return y.view(t, c_out, b, v).permute(2, 1, 0, 3).contiguous()


@lru_cache(maxsize=32)
def _transforms(num_frames: int, num_taps: int) -> tuple[Tensor, Tensor, Tensor]:
    """(P, T), (P, K) and (T, P): frames and taps to P frequency products, and these back to frames.

    The circle of the transform is long enough that its ends do not meet. A complex product is three real
    ones (Gauss): with X and W the transforms of frames and taps, (Re X + Im X) Re W, Re X (Im W - Re W) and
    Im X (Re W + Im W).
    """
    length = num_frames + num_taps // 2
    frame, tap = np.arange(num_frames), np.arange(num_taps) - num_taps // 2
    one = np.ones(num_frames)
    ahead, taps, back = [one], [np.ones(num_taps)], [one / length]
    for frequency in range(1, (length + 1) // 2):
        angle = 2 * np.pi * frequency / length
        cos, sin, tap_cos, tap_sin = (f(angle * at) for at in (frame, tap) for f in (np.cos, np.sin))
        ahead += [cos - sin, cos, -sin]
        taps += [tap_cos, tap_sin - tap_cos, tap_cos + tap_sin]
        back += [2 / length * part for part in (cos - sin, -sin, -cos)]
    if length % 2 == 0:
        alternating = np.cos(np.pi * frame)
        ahead, taps = [*ahead, alternating], [*taps, np.cos(np.pi * tap)]
        back += [alternating / length]
    with torch.inference_mode(False):  # what is kept here must serve a later training step too
        from_frames, from_taps, to_frames = (
            torch.tensor(np.stack(rows), dtype=torch.float32) for rows in (ahead, taps, back)
        )
        return from_frames, from_taps, to_frames.T.contiguous()
