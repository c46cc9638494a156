"""The perturbation of the input that changes a prediction most (virtual adversarial training)."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from .consistency import kl_divergence


def unit_rows(x: Tensor) -> Tensor:
    """x scaled to Euclidean length 1 for each sequence; a sequence of zeros stays so."""
    length = x.flatten(1).norm(dim=1).clamp(min=torch.finfo(x.dtype).tiny)
    return x / length.reshape(-1, *(1,) * (x.ndim - 1))


def adversarial_direction(
    predict: Callable[[Tensor], Tensor],
    x: Tensor,
    reference: Tensor,
    start: Tensor,
    step: float,
    iterations: int = 1,
) -> Tensor:
    """Power iteration for the direction in which KL(reference || predict(x + r)) grows fastest.

    At r = 0 the divergence and its gradient vanish, so the gradient at a small step along a direction
    is the Hessian times that direction; taking it again and again turns towards the steepest one.

    Args:
        predict: Skeletons -> logits; must be differentiable, and give `reference` for x itself.
        x: Skeletons.
        reference: Logits of x, taken as constant.
        start: A random direction; where it is zero (absent bodies, padding) the result is zero too.
        step: How far along the direction the gradient is taken, in units of x, the whole sequence's
            Euclidean length.
        iterations: How often.
    Shape:
        x, start: (N, C, T, V, M); reference: (N, classes); output: as x, each sequence of length 1.
    """
    movable = start != 0
    direction = unit_rows(start)
    for _ in range(iterations):
        direction = direction.detach().requires_grad_()
        with torch.enable_grad():
            divergence = kl_divergence(reference.detach(), predict(x.detach() + step * direction)).sum()
            (gradient,) = torch.autograd.grad(divergence, direction)
        direction = unit_rows(gradient * movable)
    return direction.detach()
