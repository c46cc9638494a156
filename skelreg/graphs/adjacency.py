"""Adjacency matrices: how a graph convolution groups a joint's neighbours into subsets.

All are normalised as A D^-1, so that each column that is not empty sums to one before it is split:
a convolution that computes y[w] = sum_v x[v] A[k, v, w] then takes means.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from ..errors import ConfigError, closest
from .layout import SkeletonLayout, get_layout


def hop_distance(layout: str | SkeletonLayout, max_hop: int | None = None) -> Tensor:
    """(V, V) float32 number of bones between two joints; inf beyond ``max_hop`` (None: no limit)."""
    layout = get_layout(layout)
    num_joints = layout.num_joints
    step = torch.eye(num_joints)
    for child, parent in layout.edges:
        step[child, parent] = step[parent, child] = 1
    limit = num_joints - 1 if max_hop is None else max_hop
    distance = torch.full((num_joints, num_joints), torch.inf)
    reached = torch.eye(num_joints)
    for hop in range(limit + 1):
        distance[(reached > 0) & distance.isinf()] = hop
        reached = (reached @ step).clamp(max=1)
    return distance


def adjacency(layout: str | SkeletonLayout, strategy: str = 'spatial', max_hop: int = 1) -> Tensor:
    """Adjacency of a layout, split into K subsets.

    Args:
        layout: A layout or its name.
        strategy: 'uniform' (K = 1), 'distance' (a subset a hop), 'spatial' (the joint itself | what
            comes from farther out | what comes from nearer the centre), 'release_spatial' (the same
            as the HiCLR authors' code computes it), 'inward_outward' (the joint itself | towards the
            root | away from it, each normalised alone).
        max_hop: How many bones away a neighbour may be.
    Returns:
        (K, V, V) float32.
    Raises:
        ConfigError: If the strategy is unknown, or max_hop is below 1 or not possible with it.
    """
    if strategy not in STRATEGIES:
        raise ConfigError(
            f"adjacency strategy '{strategy}' does not exist", accepted=closest(str(strategy), STRATEGIES)
        )
    if max_hop < 1 or (max_hop > 1 and strategy == 'inward_outward'):
        raise ConfigError(
            f"max_hop does not fit the adjacency strategy '{strategy}'", got=max_hop,
            accepted='1' if strategy == 'inward_outward' else '1 or more',
        )
    return STRATEGIES[strategy](get_layout(layout), max_hop)


def uniform(layout: SkeletonLayout, max_hop: int) -> Tensor:
    """(1, V, V): all neighbours alike."""
    return _normalise(hop_distance(layout, max_hop).isfinite().float())[None]


def distance(layout: SkeletonLayout, max_hop: int) -> Tensor:
    """(max_hop + 1, V, V): one subset for each number of hops."""
    hops = hop_distance(layout, max_hop)
    weights = _normalise(hops.isfinite().float())
    return torch.stack([torch.where(hops == hop, weights, 0) for hop in range(max_hop + 1)])


def spatial(layout: SkeletonLayout, max_hop: int) -> Tensor:
    """(2 max_hop + 1, V, V): itself, then for each hop what comes from outside and from the inside."""
    return _by_centre(layout, max_hop, to_centre=hop_distance(layout)[layout.centre])


def release_spatial(layout: SkeletonLayout, max_hop: int) -> Tensor:
    """As `spatial`, but the distance to the centre is known within ``max_hop`` only, as HiCLR has it.

    Farther joints are all inf, and inf equals inf: with 25 joints and one hop, 40 of the 48
    directed edges fall into the second subset and only the 8 around the centre are split.
    """
    return _by_centre(layout, max_hop, to_centre=hop_distance(layout, max_hop)[layout.centre])


def inward_outward(layout: SkeletonLayout, max_hop: int) -> Tensor:
    """(3, V, V): itself, child to parent's row, parent to child's row; the split of 2s-AGCN."""
    subsets = torch.zeros(3, layout.num_joints, layout.num_joints)
    subsets[0] = torch.eye(layout.num_joints)
    for child, parent in layout.edges:
        subsets[1, parent, child] = 1
        subsets[2, child, parent] = 1
    return torch.stack([_normalise(subset) for subset in subsets])


def _by_centre(layout: SkeletonLayout, max_hop: int, to_centre: Tensor) -> Tensor:
    """Split each hop: is the giving joint (row) nearer the centre than the receiving one (column)?"""
    hops = hop_distance(layout, max_hop)
    weights = _normalise(hops.isfinite().float())
    from_inside = to_centre[:, None] < to_centre[None, :]
    subsets = [torch.where(hops == 0, weights, 0)]
    for hop in range(1, max_hop + 1):
        subsets.append(torch.where((hops == hop) & ~from_inside, weights, 0))
        subsets.append(torch.where((hops == hop) & from_inside, weights, 0))
    return torch.stack(subsets)


def _normalise(matrix: Tensor) -> Tensor:
    """Divide each column by its sum; an empty column stays empty."""
    return matrix / matrix.sum(dim=0, keepdim=True).clamp(min=1)


STRATEGIES: dict[str, Callable[[SkeletonLayout, int], Tensor]] = {
    'uniform': uniform,
    'distance': distance,
    'spatial': spatial,
    'release_spatial': release_spatial,
    'inward_outward': inward_outward,
}
