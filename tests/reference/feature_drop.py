"""AimCLR's attention-guided drop, one element of the feature map at a time."""

from __future__ import annotations

import math
from itertools import product
from statistics import mean

from torch import Tensor


def energy_attention(x: Tensor, eps: float = 1e-4) -> dict[tuple[int, ...], float]:
    """Index (n, d, t, v, m) -> attention."""
    n_, d_, t_, v_, m_ = x.shape
    found = {}
    for n, d, m in product(range(n_), range(d_), range(m_)):
        places = list(product(range(t_), range(v_)))
        values = {(t, v): float(x[n, d, t, v, m]) for t, v in places}
        centre = mean(values.values())
        variance = sum((value - centre) ** 2 for value in values.values()) / (len(places) - 1)
        for t, v in places:
            energy = (values[t, v] - centre) ** 2 / (4 * (variance + eps)) + 0.5
            found[n, d, t, v, m] = 1 / (1 + math.exp(-energy))
    return found


def drop_salient(x: Tensor, threshold: float) -> Tensor:
    """(N, D, T, V, M) with joints and elements dropped, the rest scaled up twice."""
    n_, d_, t_, v_, m_ = x.shape
    attention = energy_attention(x)
    kept_joints = {
        (n, v, m): mean(attention[n, d, t, v, m] for d, t in product(range(d_), range(t_))) < threshold
        for n, v, m in product(range(n_), range(v_), range(m_))
    }
    kept = {place: value < threshold for place, value in attention.items()}
    scale = len(kept_joints) / sum(kept_joints.values()) * len(kept) / sum(kept.values())
    found = x.clone()
    for n, d, t, v, m in attention:
        is_kept = kept[n, d, t, v, m] and kept_joints[n, v, m]
        found[n, d, t, v, m] = x[n, d, t, v, m] * scale if is_kept else 0.0
    return found
