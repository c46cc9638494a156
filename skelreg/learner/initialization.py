"""Initial values of weights."""

from __future__ import annotations

import torch
from torch import nn

_CONVOLUTIONS = (nn.Conv1d, nn.Conv2d)
_NORMS = (nn.modules.batchnorm._BatchNorm,)  # SyncBatchNorm among them


def release_initialization(module: nn.Module) -> None:
    """Draw every weight as HiCLR's release does: convolutions and linear layers N(0, 0.02), norms N(1, 0.02).

    In short runs this collapses to a constant embedding; torch's own initialisation does not. It is
    here for the release's leaf configs only.
    """
    for part in module.modules():
        if isinstance(part, (*_CONVOLUTIONS, nn.Linear)):
            nn.init.normal_(part.weight, 0.0, 0.02)
            if part.bias is not None:
                nn.init.zeros_(part.bias)
        elif isinstance(part, _NORMS) and part.affine:
            nn.init.normal_(part.weight, 1.0, 0.02)
            nn.init.zeros_(part.bias)


def torch_initialization(module: nn.Module) -> None:
    """Draw every weight anew with torch's own rule for its layer."""
    for part in module.modules():
        if isinstance(part, (*_CONVOLUTIONS, *_NORMS, nn.Linear, nn.GRU)):
            part.reset_parameters()


def independent_initialization(module: nn.Module) -> None:
    """As `torch_initialization`, from a seed of its own: layers drawn from the current one stay apart.

    The generators go on as if nothing had been drawn.
    """
    with torch.random.fork_rng({parameter.device for parameter in module.parameters() if parameter.is_cuda}):
        torch.manual_seed(torch.initial_seed() ^ 1)  # in the range of seeds whatever the current one is
        torch_initialization(module)
