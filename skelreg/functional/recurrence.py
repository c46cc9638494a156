"""One layer of a gated recurrent unit whose gradient costs a fraction of torch's on a CPU."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from .precision import without_autocast


def gru_layer(
    x: Tensor, weight_ih: Tensor, weight_hh: Tensor, bias_ih: Tensor, bias_hh: Tensor, reverse: bool = False
) -> Tensor:
    """The states of a GRU that starts at zero; the equations and the parameters are those of `torch.nn.GRU`.

    On a CPU torch adds a matrix as large as the weights to their gradient in every frame. Here the
    gradient of the weights is one product over all frames.

    Args:
        x: Input of every frame.
        weight_ih, weight_hh, bias_ih, bias_hh: As torch names them, reset, update and new gate one
            after the other.
        reverse: Run from the last frame to the first; the states stay in the order of the frames.
    Shape:
        x: (T, B, F); weight_ih: (3 H, F); weight_hh: (3 H, H); biases: (3 H); output: (T, B, H).
    """
    # The state adds up over frames, which bf16 is too coarse for.
    with without_autocast(x):
        gates = torch.nn.functional.linear(x.to(weight_ih.dtype), weight_ih, bias_ih)
        states: Tensor = _Recurrence.apply(gates, weight_hh, bias_hh, reverse)
        return states


def run_layer(layer: nn.GRU, x: Tensor) -> Tensor:
    """The states of a module of one layer, off the CPU by torch's fused kernel wherever it serves.

    Shape:
        x: (T, B, F); output: (T, B, H), or (T, B, 2 H) with both directions.
    """
    # cuDNN's kernel has no gradient in eval mode, and under autocast it computes in float16.
    wants_gradient = torch.is_grad_enabled() and (x.requires_grad or layer.all_weights[0][0].requires_grad)
    if x.device.type != 'cpu' and (layer.training or not wants_gradient):
        with without_autocast(x):
            states: Tensor = layer(x.to(layer.all_weights[0][0].dtype))[0]
        return states
    directions: list[Tensor] = []
    for weight_ih, weight_hh, bias_ih, bias_hh in layer.all_weights:
        reverse = bool(directions)
        directions.append(gru_layer(x, weight_ih, weight_hh, bias_ih, bias_hh, reverse))
    return torch.cat(directions, dim=2)


class _Recurrence(torch.autograd.Function):
    """From what the input contributes to the gates (T, B, 3 H) to the states (T, B, H)."""

    @staticmethod
    def forward(ctx: Any, gates: Tensor, weight: Tensor, bias: Tensor, reverse: bool) -> Tensor:
        frames, b, width = gates.shape[0], gates.shape[1], weight.shape[1]
        states = gates.new_empty(frames, b, width)
        acts = torch.empty_like(gates)  # reset, update and new gate after their nonlinearity
        recalls = torch.empty_like(states)  # what the state contributes to the new gate, before the reset
        state = gates.new_zeros(b, width)
        for t in _order(frames, reverse):
            recurrent = torch.addmm(bias, state, weight.T)
            torch.add(gates[t], recurrent, out=acts[t])
            acts[t, :, : 2 * width].sigmoid_()
            reset, update, new = acts[t].split(width, dim=1)
            recalls[t] = recurrent[:, 2 * width :]
            torch.addcmul(gates[t, :, 2 * width :], reset, recalls[t], out=new).tanh_()
            state = torch.lerp(new, state, update, out=states[t])
        ctx.save_for_backward(states, acts, recalls, weight)
        ctx.reverse = reverse
        return states

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_states: Tensor) -> Any:
        states, acts, recalls, weight = ctx.saved_tensors
        width = weight.shape[1]
        before = _before(states, ctx.reverse)
        reset, update, new = acts.split(width, dim=2)
        # All that does not depend on the gradient of the state, for every frame at once.
        by_new = (1 - update) * (1 - new * new)
        by_update = (before - new) * update * (1 - update)
        by_reset = recalls * reset * (1 - reset)
        grads = torch.empty_like(acts)  # to what the state contributes to the gates
        grad = torch.zeros_like(grad_states[0])
        for t in reversed(_order(len(states), ctx.reverse)):
            grad = grad + grad_states[t]
            to_reset, to_update, to_new = grads[t].split(width, dim=1)
            torch.mul(grad, by_new[t], out=to_new)
            torch.mul(to_new, by_reset[t], out=to_reset)
            torch.mul(grad, by_update[t], out=to_update)
            grad = grad * update[t]
            recurrent = torch.cat([to_reset, to_update, to_new * reset[t]], dim=1)
            grad.addmm_(recurrent, weight)
        recurrent = grads.clone()
        recurrent[..., 2 * width :] *= reset
        recurrent = recurrent.flatten(0, 1)
        return grads, recurrent.T @ before.flatten(0, 1), recurrent.sum(dim=0), None


def _order(frames: int, reverse: bool) -> range:
    return range(frames - 1, -1, -1) if reverse else range(frames)


def _before(states: Tensor, reverse: bool) -> Tensor:
    """The state that each frame started from."""
    start = torch.zeros_like(states[:1])
    return torch.cat([states[1:], start]) if reverse else torch.cat([start, states[:-1]])
