"""The slowly moving copy of the query encoder."""

from __future__ import annotations

import copy
from typing import Literal

import torch
from torch import Tensor, nn

from ..structures import View


class KeyEncoder(nn.Module):
    """Exponential moving average of backbone, neck and projector; its batch norm keeps statistics of its own.

    Args:
        query: The modules to follow, in the order in which they run: the backbone first.
        momentum: m in key <- m key + (1 - m) query.
        start: 'query' starts as a copy of the query encoder; 'independent' starts from other random
            values, as the release does without meaning to.
    """

    def __init__(
        self, query: nn.ModuleDict, momentum: float = 0.999, start: Literal['query', 'independent'] = 'query'
    ) -> None:
        super().__init__()
        if not 0 <= momentum <= 1:
            raise ValueError(f'momentum must be in [0, 1], got {momentum}; HiCLR configs use 0.999')
        if start not in ('query', 'independent'):
            raise ValueError(f"start must be 'query' or 'independent', got {start!r}")
        self.momentum, self.start = momentum, start
        self.encoder = copy.deepcopy(query)
        self.encoder.requires_grad_(False)

    @torch.no_grad()
    def copy_from(self, query: nn.ModuleDict) -> None:
        """Take over all of the query encoder's parameters and buffers."""
        self.encoder.load_state_dict(query.state_dict())

    @torch.no_grad()
    def update(self, query: nn.ModuleDict) -> None:
        """One step of the moving average, over parameters only."""
        keys = [parameter.detach() for parameter in self.encoder.parameters()]
        queries = [parameter.detach() for parameter in query.parameters()]
        torch._foreach_mul_(keys, self.momentum)
        torch._foreach_add_(keys, queries, alpha=1 - self.momentum)

    @torch.no_grad()
    def forward(self, view: View) -> Tensor:
        """(N, d) projections of a view, not normalised."""
        x = self.encoder['backbone'](view.skeleton).pooled
        for name, module in self.encoder.items():
            if name != 'backbone':
                x = module(x)
        return x
