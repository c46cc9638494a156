"""Edge augmentations one entry at a time."""

import torch


def drop_edges(graph, kept, rate):
    out = torch.zeros_like(graph)
    for n, k, i, j in torch.cartesian_prod(*(torch.arange(size) for size in graph.shape)).tolist():
        if kept[n % len(kept), k, i, j]:
            out[n, k, i, j] = graph[n, k, i, j] / (1 - rate[n % len(rate)])
    return out


def add_edges(graph, added, value):
    out = graph.clone()
    for n, k, i, j in torch.cartesian_prod(*(torch.arange(size) for size in graph.shape)).tolist():
        if added[n, k, i, j] and graph[n, k, i, j] == 0:
            out[n, k, i, j] = value[n]
    for n in range(len(graph)):
        out[n] *= graph[n].sum() / out[n].sum()
    return out
