"""Weighted sums over neighbouring joints, the channels mixed on the way."""

from __future__ import annotations

import torch
from torch import Tensor


def graph_convolution(x: Tensor, adjacency: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """y[o, w] = sum_k sum_v (W_k x + b_k)[o, v] A[k, v, w], neighbours summed before the channels are mixed.

    The order gives the same result as the usual one (mix, then sum), with less arithmetic where
    a block widens, since the wide tensor is never held once per subset.

    Shape:
        x: (B, C, T, V); adjacency: (K, V, V) or (B, K, V, V); weight: (K * C_out, C, 1, 1);
        bias: (K * C_out); output: (B, C_out, T, V).
    """
    b, c, t, v = x.shape
    subsets = adjacency.unbind(-3)
    rows = x.reshape(-1, v) if adjacency.ndim == 3 else x.reshape(b, -1, v)
    weights = weight.view(len(subsets), -1, c).unsqueeze(1)  # (K, 1, C_out, C)
    y: Tensor | None = None
    for subset, mix in zip(subsets, weights, strict=True):
        summed, mix = (rows @ subset).view(b, c, t * v), mix.expand(b, -1, -1)
        y = torch.bmm(mix, summed) if y is None else torch.baddbmm(y, mix, summed)
    if y is None:
        raise ValueError('adjacency has no subset')
    y = y.view(b, -1, t, v)
    if bias is None:
        return y
    biases = bias.view(len(subsets), -1).T @ adjacency.sum(dim=-2).to(bias.dtype)  # ([B,] C_out, V)
    return y + biases.unsqueeze(-2)
