"""Domain-adversarial losses and the reversal of a gradient."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor


def domain_loss(first: Tensor, second: Tensor) -> Tensor:
    """-mean log sigmoid(first) - mean log(1 - sigmoid(second)).

    The first domain counts as 1, the second as 0. Exchanging the arguments gives the loss of an encoder
    that wants to be mistaken. A domain without a row contributes zero.

    Shape:
        first: (N1,) logits of the discriminator; second: (N2,); output: scalar, in float32.
    """
    return _mean(torch.nn.functional.softplus(-first.float())) + _mean(
        torch.nn.functional.softplus(second.float())
    )


def _mean(values: Tensor) -> Tensor:
    return values.sum() / max(len(values), 1)


class _Reverse(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, strength: float) -> Tensor:
        ctx.strength = strength
        return x.view_as(x)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        return -ctx.strength * gradients[0], None


def reverse_gradient(x: Tensor, strength: float = 1.0) -> Tensor:
    """x itself, whose gradient arrives multiplied by minus ``strength``."""
    reversed_x: Tensor = _Reverse.apply(x, strength)
    return reversed_x
