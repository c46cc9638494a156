"""Batch norm of features whose first axis are the channels."""

from __future__ import annotations

import torch
from torch import Tensor, nn

_BatchNorm = nn.modules.batchnorm._BatchNorm
#: Modules whose statistics are those of their own batch; a subclass may do something else.
PLAIN = (nn.BatchNorm1d, nn.BatchNorm2d)


def channel_norm(norm: nn.Module, x: Tensor) -> Tensor:
    """What a module of batch norm makes of x, its channels first.

    Where the channels come first, a channel is one row of numbers, and batch norm in training is group norm
    of one sample with as many groups as channels. torch's CPU kernel of that is four times as fast as the
    one of batch norm, twice with the gradient, since the latter adds up one number at a time.

    Args:
        norm: `nn.BatchNorm1d`, `nn.BatchNorm2d`, or what stands in for it, such as `nn.SyncBatchNorm`.
        x: Features.
    Shape:
        x: (C, ...); output: as x.
    """
    if isinstance(norm, _BatchNorm) and _has_row_kernel(norm, x):
        return _by_rows(norm, x)
    rows = x.reshape(1, len(x), -1)  # three axes for BatchNorm1d, four for the others
    y: Tensor = norm(rows if isinstance(norm, nn.BatchNorm1d) else rows.unsqueeze(2))
    return y.view(x.shape)


def _has_row_kernel(norm: _BatchNorm, x: Tensor) -> bool:
    """Whether that kernel computes the same: plain, affine, training, float32 on a CPU, nobody looking on."""
    watched = norm._forward_hooks or norm._forward_pre_hooks or norm._backward_hooks
    if watched or torch.compiler.is_compiling():  # a compiler writes its own kernel
        return False
    exact = x.device.type == 'cpu' and x.dtype == torch.float32
    return type(norm) in PLAIN and norm.training and norm.affine and exact and x[0].numel() > 1


def _by_rows(norm: _BatchNorm, x: Tensor) -> Tensor:
    """Batch norm of x (C, ...) in training; the running statistics move as torch moves them."""
    c, length = len(x), x[0].numel()
    sizes = (1, c, length, c)  # samples, channels, numbers of a channel, groups
    rows = x.reshape(1, c, length)  # with four axes the kernel may read another order into the strides
    y, mean, scale = torch.native_group_norm(rows, norm.weight, norm.bias, *sizes, norm.eps)
    if norm.track_running_stats:
        _track(norm, mean[0], scale[0], length)
    return y.view(x.shape)


@torch.no_grad()
def _track(norm: _BatchNorm, mean: Tensor, scale: Tensor, length: int) -> None:
    """Move the running statistics towards a batch's mean and 1 / sqrt(variance + eps), both (C,)."""
    assert norm.running_mean is not None and norm.running_var is not None
    assert norm.num_batches_tracked is not None
    norm.num_batches_tracked.add_(1)
    share = norm.momentum if norm.momentum is not None else 1 / norm.num_batches_tracked.item()
    unbiased = share * length / (length - 1)
    norm.running_mean.lerp_(mean, share)
    norm.running_var.mul_(1 - share).add_(scale.pow(-2), alpha=unbiased).sub_(unbiased * norm.eps)
