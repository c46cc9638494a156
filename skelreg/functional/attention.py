"""Attention without softmax, as in DSTA-Net: maps of tanh, and the encoding of positions."""

from __future__ import annotations

import math

import torch
from torch import Tensor

LONGEST_PERIOD = 10000.0


def attention_maps(query_key: Tensor, subsets: int) -> Tensor:
    """tanh of the mean product of queries and keys, a map for each subset of channels.

    a[s, u, v] = tanh(mean over channels and rows of q[s, ., ., u] k[s, ., ., v]): bounded, of either sign,
    and not normalised over u or v.

    Args:
        query_key: All queries, then all keys; each half holds its subsets one after the other.
        subsets: How many maps, K.
    Shape:
        query_key: (B, 2 * K * channels, R, L); output: (B, K, L, L).
    """
    b, _, _, length = query_key.shape
    parts = query_key.reshape(b, 2 * subsets, -1, length)
    queries, keys = parts.unbind(1)[:subsets], parts.unbind(1)[subsets:]
    # One product a subset reads both where they lie; all subsets in one product would copy them.
    products = [torch.bmm(q.transpose(1, 2), k) for q, k in zip(queries, keys, strict=True)]
    return torch.stack(products, dim=1).div_(parts.shape[2]).tanh_()


def position_encoding(length: int, channels: int, like: Tensor) -> Tensor:
    """Sines in the even channels and cosines in the odd ones, from the shortest period to the longest.

    Args:
        length: Positions 0, 1, ..., length - 1.
        channels: How many sinusoids.
        like: Gives dtype and device.
    Shape:
        output: (channels, length).
    """
    pairs = torch.arange(0, channels, 2, dtype=torch.float32, device=like.device)
    frequencies = torch.exp(pairs * (-math.log(LONGEST_PERIOD) / channels))
    angles = frequencies[:, None] * torch.arange(length, dtype=torch.float32, device=like.device)
    waves = torch.stack([angles.sin(), angles.cos()], dim=1)  # (pairs, 2, length)
    return waves.flatten(0, 1)[:channels].to(like.dtype)
