"""Weighted sums over neighbouring joints, the channels mixed on the way."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from .devices import on_cpu

#: Most parts of a sum over rows. On a CPU more than 16 gained nothing (measured); a GPU runs the parts side
#: by side and should have room for hundreds (not measured).
MAX_PARTS, MAX_PARTS_ELSEWHERE = 16, 256


def graph_convolution(x: Tensor, adjacency: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """y[o, w] = sum_k sum_v (W_k x + b_k)[o, v] A[k, v, w], neighbours summed before the channels are mixed.

    The order gives the same result as the usual one (mix, then sum), with less arithmetic where
    a block widens, since the wide tensor is never held once per subset.

    Shape:
        x: (C, T, B, V); adjacency: (K, V, V) for all bodies, or (B, K, V, V);
        weight: (K * C_out, C, 1, 1); bias: (K * C_out); output: (C_out, T, B, V).
    """
    if adjacency.ndim == 3:
        return _one_graph(x, adjacency, weight, bias)
    y = _graph_a_body(x.permute(2, 0, 1, 3), adjacency, weight, bias)  # (B, C_out, T, V)
    return y.permute(1, 2, 0, 3)


def _graph_a_body(x: Tensor, adjacency: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """Of x (B, C, T, V) with a graph (K, V, V) for each body."""
    b, c, t, v = x.shape
    subsets = adjacency.unbind(1)
    rows = x.reshape(b, -1, v)
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
    biases = bias.view(len(subsets), -1).T @ adjacency.sum(dim=2).to(bias.dtype)  # (B, C_out, V)
    return y + biases.unsqueeze(2)


def _one_graph(x: Tensor, graph: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """Of x (C, T, B, V) with one graph (K, V, V), in few large products."""
    subsets, dtype = len(graph), _dtype_of_products(x)
    mix = weight.view(subsets, -1, len(x)).transpose(0, 1).flatten(1)  # (C_out, K * C)
    shift = None
    if bias is not None:
        summed = graph.sum(dim=1).to(bias.dtype)  # (K, V)
        shift = (bias.view(subsets, -1, 1) * summed[:, None]).sum(dim=0).to(dtype)  # (C_out, V)
    y: Tensor = _SharedGraph.apply(x.to(dtype), graph.to(dtype), mix.to(dtype), shift)
    return y


def _dtype_of_products(x: Tensor) -> torch.dtype:
    """What autocast, if it is on for x's device, computes products of x in; it leaves float64 alone."""
    device = x.device.type
    if not torch.amp.is_autocast_available(device) or x.dtype == torch.float64:
        return x.dtype
    return torch.get_autocast_dtype(device) if torch.is_autocast_enabled(device) else x.dtype


class _SharedGraph(torch.autograd.Function):
    """y = mix @ [x @ A_1; ...; x @ A_K] + shift.

    Written out, since torch's own gradient would hold the K gradients of x before it adds them up, and
    because a sum over the millions of rows of x is faster in parts. It has first derivatives only.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, graph: Tensor, mix: Tensor, shift: Tensor | None) -> Tensor:
        rows = x.reshape(-1, x.shape[-1])  # (C * T * B, V)
        summed = _sums_over_neighbours(rows, graph).view(mix.shape[1], -1)  # (K * C, T * B * V)
        ctx.save_for_backward(rows, graph, mix, summed)
        y = (mix @ summed).view(-1, *x.shape[1:])
        return y if shift is None else y.add_(shift[:, None, None])

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> Any:
        rows, graph, mix, summed = ctx.saved_tensors
        wide = grad.reshape(len(mix), -1)  # (C_out, T * B * V)
        grad_shift = grad.sum(dim=(1, 2)) if ctx.needs_input_grad[3] else None
        grad_mix = wide @ summed.T
        grad_summed = (mix.T @ wide).view(len(graph), *rows.shape)  # (K, C * T * B, V)
        grad_graph = [_summed_in_parts(rows, g) for g in grad_summed]
        if not ctx.needs_input_grad[0]:
            return None, torch.stack(grad_graph), grad_mix, grad_shift
        grad_rows = grad_summed[0] @ graph[0].T
        for subset, g in zip(graph[1:], grad_summed[1:], strict=True):
            grad_rows.addmm_(g, subset.T)
        return grad_rows.view(-1, *grad.shape[1:]), torch.stack(grad_graph), grad_mix, grad_shift


def _sums_over_neighbours(rows: Tensor, graph: Tensor) -> Tensor:
    """(K, L, V), rows (L, V) times every subset of a graph (K, V, V)."""
    if not on_cpu(rows):
        return torch.bmm(rows.expand(len(graph), -1, -1), graph)
    sums = rows.new_empty(len(graph), *rows.shape)  # on a CPU one product a subset is faster
    for subset, out in zip(graph, sums, strict=True):
        torch.mm(rows, subset, out=out)
    return sums


def _summed_in_parts(rows: Tensor, others: Tensor) -> Tensor:
    """(V, V), rows.T @ others of rows (L, V) and others (L, V)."""
    most = MAX_PARTS if on_cpu(rows) else MAX_PARTS_ELSEWHERE
    count = next(count for count in range(most, 0, -1) if len(rows) % count == 0)
    first, second = (matrix.unflatten(0, (count, -1)) for matrix in (rows, others))
    return torch.bmm(first.transpose(1, 2), second).sum(dim=0)
