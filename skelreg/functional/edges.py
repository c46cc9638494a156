"""The maths of edge augmentations: a graph in, a graph out, no randomness, never in place.

A graph is a tensor (N, K, V, V): K weighted edge matrices over V joints, for each of N sequences or bodies
(`skelreg.structures.EdgePerturbation` says which); an adjacency in a graph convolution or an attention map
in a transformer. Masks have the same shape, or a first axis of 1 where all share one draw.
"""

from __future__ import annotations

import torch
from torch import Tensor


def drop_edges(graph: Tensor, kept: Tensor, rate: Tensor) -> Tensor:
    """Remove edges and scale the rest by 1 / (1 - rate), so that the expected graph stays the same.

    Args:
        graph: (N, K, V, V).
        kept: Booleans, false where an edge goes.
        rate: (N) or (1), the probability with which edges were removed, below 1.
    """
    return graph * (kept / (1 - rate.reshape(-1, 1, 1, 1))).to(graph.dtype)


def add_edges(graph: Tensor, added: Tensor, value: Tensor) -> Tensor:
    """Put edges where there are none, then scale each graph so that its weights sum to what they did.

    Args:
        graph: (N, K, V, V).
        added: Booleans, true where an edge is to be; existing edges stay as they are.
        value: (N, 1, 1, 1) or one number, the weight of an edge that is added, before the scaling.
    """
    return keep_total(graph + (added & (graph == 0)) * value.to(graph.dtype), graph)


def keep_total(graph: Tensor, reference: Tensor) -> Tensor:
    """Scale each graph so that its weights sum to those of a reference, unless either sums to zero.

    Shape:
        graph, reference, output: (N, K, V, V).
    """
    total, wanted = (g.sum(dim=(1, 2, 3), keepdim=True) for g in (graph, reference))
    return graph * torch.where((total != 0) & (wanted != 0), wanted / total.where(total != 0, 1), 1)
