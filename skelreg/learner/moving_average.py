"""A slowly moving copy of other modules."""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import Tensor, nn

from ..structures import View


class MovingAverage(nn.Module):
    """Exponential moving average of modules' parameters; its batch norm keeps statistics of its own.

    Args:
        followed: The modules to follow, in the order in which they run: the backbone first.
        momentum: m in average <- m average + (1 - m) followed.
    """

    def __init__(self, followed: nn.ModuleDict, momentum: float) -> None:
        super().__init__()
        if not 0 <= momentum <= 1:
            raise ValueError(f'momentum must be in [0, 1], got {momentum}; HiCLR configs use 0.999')
        self.momentum = momentum
        self.encoder = copy.deepcopy(followed)
        self.encoder.requires_grad_(False)

    @torch.no_grad()
    def copy_from(self, followed: nn.ModuleDict) -> None:
        """Take over all parameters and buffers."""
        self.encoder.load_state_dict(followed.state_dict())

    def update(self, followed: nn.ModuleDict) -> None:
        """One step of the moving average, over parameters only."""
        self.move(followed, self.momentum)

    @torch.no_grad()
    def move(self, followed: nn.ModuleDict, momentum: float) -> None:
        """As `update`, with a momentum of this step's own."""
        own = [parameter.detach() for parameter in self.encoder.parameters()]
        others = [parameter.detach() for parameter in followed.parameters()]
        torch._foreach_mul_(own, momentum)
        torch._foreach_add_(own, others, alpha=1 - momentum)

    @torch.no_grad()
    def forward(self, view: View) -> Tensor:
        """(N, d) what the last of the modules makes of a view."""
        backbone: Any = self.encoder['backbone']
        x = backbone.encode(view).pooled.float()  # as in `Step.embeddings`
        for name, module in self.encoder.items():
            if name != 'backbone':
                x = module(x)
        return x
