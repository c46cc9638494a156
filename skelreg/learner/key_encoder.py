"""The slowly moving copy of the query encoder."""

from __future__ import annotations

from typing import Literal

from torch import nn

from .moving_average import MovingAverage


class KeyEncoder(MovingAverage):
    """Exponential moving average of backbone, neck and projector; its batch norm keeps statistics of its own.

    It makes projections (N, d) of a view, not normalised.

    Args:
        query: The modules to follow, in the order in which they run: the backbone first.
        momentum: m in key <- m key + (1 - m) query.
        start: 'query' starts as a copy of the query encoder; 'independent' starts from other random
            values, as the release does without meaning to.
    """

    def __init__(
        self, query: nn.ModuleDict, momentum: float = 0.999, start: Literal['query', 'independent'] = 'query'
    ) -> None:
        super().__init__(query, momentum)
        if start not in ('query', 'independent'):
            raise ValueError(f"start must be 'query' or 'independent', got {start!r}")
        self.start = start
