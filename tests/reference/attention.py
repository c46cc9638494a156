"""DSTA-Net's attention written as loops over joints, and its positions as one sinusoid at a time."""

import math

import torch


def maps(query_key, subsets):
    """(B, K, L, L) from (B, 2 * K * channels, R, L)."""
    b, width, rows, length = query_key.shape
    channels = width // (2 * subsets)
    out = torch.zeros(b, subsets, length, length, dtype=query_key.dtype)
    for s in range(subsets):
        queries = query_key[:, s * channels : (s + 1) * channels]
        keys = query_key[:, (subsets + s) * channels : (subsets + s + 1) * channels]
        for u in range(length):
            for v in range(length):
                product = (queries[..., u] * keys[..., v]).sum(dim=(1, 2))
                out[:, s, u, v] = torch.tanh(product / (channels * rows))
    return out


def attended(x, attention, weight, bias):
    """Sums over the last axis, one subset after the other along the channels, then a linear layer."""
    weighted = []
    for s in range(attention.shape[1]):
        for channel in range(x.shape[1]):
            rows = [
                sum(x[:, channel, :, u] * attention[:, s, u, v, None] for u in range(x.shape[3]))
                for v in range(x.shape[3])
            ]
            weighted.append(torch.stack(rows, dim=-1))
    z = torch.stack(weighted, dim=1)  # (B, K * C, R, L)
    return torch.einsum('oc,bcrl->borl', weight, z) + bias[:, None, None]


def position(channel, place, channels):
    """One entry of the encoding."""
    angle = place / 10000 ** ((channel - channel % 2) / channels)
    return math.cos(angle) if channel % 2 else math.sin(angle)
