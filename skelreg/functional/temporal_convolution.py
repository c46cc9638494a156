"""Convolution over frames, with far fewer multiplications where frames are few."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from .kept import kept

#: Matrix products multiply at least so many times as fast as torch's direct convolution; measured on a CPU.
RATE_OF_PRODUCTS = 1.5


def temporal_convolution(x: Tensor, weight: Tensor, bias: Tensor | None, stride: int = 1) -> Tensor:
    """Convolve along time with an odd number of taps; zeros beyond both ends keep the length.

    On a CPU, in float32, layers go through the discrete Fourier transform of the frames where that saves
    enough multiplications (short clips, more than a few channels): of T frames and K taps it leaves about
    1.5 (T + K / 2) products of channels instead of K T, a fifth for 9 taps and stride 1. The transform is a
    well-conditioned matrix, so the result is that of the direct sum to float32's rounding.

    Shape:
        x: (C, T, L), L places that are convolved alike; weight: (C_out, C, K, 1), K odd; bias: (C_out);
        output: (C_out, ceil(T / stride), L).
    """
    taps = weight.shape[2]
    if taps == 1:
        return _pointwise(x, weight, bias, stride)
    exact = x.device.type == 'cpu' and x.dtype == torch.float32 and not torch.is_autocast_enabled('cpu')
    if exact and not torch.compiler.is_compiling() and _is_worth_transforming(weight, x.shape[1], stride):
        transformed: Tensor = _ByProducts.apply(x, weight, bias, stride)
        return transformed
    y = torch.nn.functional.conv2d(x.unsqueeze(0), weight, bias, (stride, 1), (taps // 2, 0))
    return y.squeeze(0)  # not `[0]`, whose gradient is written into zeros


def _pointwise(x: Tensor, weight: Tensor, bias: Tensor | None, stride: int) -> Tensor:
    frames = x[:, ::stride]
    y = weight.flatten(1) @ frames.reshape(len(x), -1)
    y = y if bias is None else y.add_(bias.to(y.dtype)[:, None])
    return y.view(-1, *frames.shape[1:])


def _is_worth_transforming(weight: Tensor, num_frames: int, stride: int) -> bool:
    c_out, c_in, taps, _ = weight.shape
    num_out, length = -(-num_frames // stride), _length_of_circle(num_frames, taps)
    products = 1 + 3 * ((length - 1) // 2) + (length % 2 == 0)
    transformed = products * (num_frames * c_in + c_in * c_out + c_out * num_out)
    return transformed <= RATE_OF_PRODUCTS * num_out * taps * c_in * c_out


class _ByProducts(torch.autograd.Function):
    """to_frames @ ((from_frames @ x) * (from_taps @ weight)), where * is a product of channels a frequency.

    Written out so that the bias can be added in place to the product of the frequency 0, which reaches all
    frames alike: autograd would copy all products for that. It has first derivatives only.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None, stride: int) -> Tensor:
        c_out, c_in, num_taps, _ = weight.shape
        from_frames, from_taps, to_frames = _transforms(x.shape[1], num_taps)
        to_frames = to_frames[::stride]
        taps = weight.permute(2, 0, 1, 3).reshape(num_taps, -1)  # (K, C_out * C)
        mixing = (from_taps @ taps).view(-1, c_out, c_in)  # (P, C_out, C)
        mixed = torch.bmm(from_frames.expand(c_in, -1, -1), x).transpose(0, 1)  # (P, C, L)
        products = torch.bmm(mixing, mixed)  # (P, C_out, L)
        if bias is not None:
            products[0] += bias[:, None] / to_frames[0, 0]
        ctx.save_for_backward(mixing, mixed, from_frames, from_taps, to_frames)
        return torch.bmm(to_frames.expand(c_out, -1, -1), products.transpose(0, 1))

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> Any:
        mixing, mixed, from_frames, from_taps, to_frames = ctx.saved_tensors
        num_products, c_out, c_in = mixing.shape
        by_channel = torch.bmm(to_frames.T.expand(c_out, -1, -1), grad)  # (C_out, P, L)
        grad_products = by_channel.transpose(0, 1)
        grad_mixing = torch.bmm(grad_products, mixed.transpose(1, 2)).view(num_products, -1)
        grad_weight = (from_taps.T @ grad_mixing).view(-1, c_out, c_in).permute(1, 2, 0).unsqueeze(3)
        grad_bias = grad_products[0].sum(dim=1) / to_frames[0, 0] if ctx.needs_input_grad[2] else None
        grad_mixed = torch.bmm(mixing.transpose(1, 2), grad_products).transpose(0, 1)  # (C, P, L)
        grad_x = torch.bmm(from_frames.T.expand(c_in, -1, -1), grad_mixed)
        return grad_x, grad_weight, grad_bias, None


def _length_of_circle(num_frames: int, num_taps: int) -> int:
    """How long the circle of the transform must be for its ends not to meet."""
    return num_frames + num_taps // 2


@kept
def _transforms(num_frames: int, num_taps: int) -> tuple[Tensor, Tensor, Tensor]:
    """(P, T), (P, K) and (T, P): frames and taps to P frequency products, and these back to frames.

    A complex product is three real ones (Gauss): with X and W the transforms of frames and taps,
    (Re X + Im X) Re W, Re X (Im W - Re W) and Im X (Re W + Im W).
    """
    length = _length_of_circle(num_frames, num_taps)
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
    from_frames, from_taps, to_frames = (
        torch.tensor(np.stack(rows), dtype=torch.float32) for rows in (ahead, taps, back)
    )
    return from_frames, from_taps, to_frames.T.contiguous()
