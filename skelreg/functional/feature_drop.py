"""Dropping the most telling features of a map, and pooling what is left."""

from __future__ import annotations

import math

from torch import Tensor

#: Attention of an element that equals the mean of its channel.
LEAST_ATTENTION = 1 / (1 + math.exp(-0.5))


def energy_attention(x: Tensor, eps: float = 1e-4) -> Tensor:
    """How much every element of a feature map stands out from its channel, from `LEAST_ATTENTION` up to 1.

    The sigmoid of (x - mean)^2 / (4 (var + eps)) + 1/2, with mean and sample variance over the frames and
    joints of one channel of one body.

    Shape:
        x: (N, D, T, V, M), T * V >= 2; output: as x.
    """
    deviation = (x - x.mean(dim=(2, 3), keepdim=True)).square()
    variance = deviation.sum(dim=(2, 3), keepdim=True) / (x.shape[2] * x.shape[3] - 1)
    return (deviation / (4 * (variance + eps)) + 0.5).sigmoid()


def drop_salient(x: Tensor, threshold: float = 0.7) -> Tensor:
    """Set to zero whatever stands out, and scale the rest up: attention-guided dropping without parameters.

    First the joints whose mean attention over channels and frames reaches the threshold, then every
    element whose own attention does. Both times what is left is scaled by all / left, counted over the
    batch. No gradient flows through the choice.

    Reference: the energy-based attention-guided drop of AimCLR, AAAI 2022, as in the authors' release, whose
    `keep_prob` is this threshold and no probability.

    Args:
        x: Feature map.
        threshold: Of the attention; above 1 nothing is dropped.
    Shape:
        x: (N, D, T, V, M); output: as x.
    """
    attention = energy_attention(x.detach())
    joints = attention.mean(dim=(1, 2), keepdim=True) < threshold  # (N, 1, 1, V, M)
    for kept in (joints, attention < threshold):
        x = x * kept * (kept.numel() / kept.sum().clamp(min=1))
    return x


def pool_map(x: Tensor, bodies_of: Tensor) -> Tensor:
    """Mean over frames, joints and those bodies that have features, the way ST-GCN pools.

    Args:
        x: What is pooled.
        bodies_of: The map that tells which bodies there are: one whose features are all zero is absent.
    Shape:
        x, bodies_of: (N, D, T, V, M); output: (N, D).
    """
    there = (bodies_of.detach() != 0).flatten(1, 3).any(dim=1)  # (N, M)
    summed = x.mean(dim=(2, 3)).sum(dim=2)
    return summed / there.sum(dim=1).clamp(min=1)[:, None]
