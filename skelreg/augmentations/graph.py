"""Augmentations of the graph that a backbone works on; the skeleton stays as it is."""

from __future__ import annotations

from typing import ClassVar, Literal

import torch
from torch import Generator, Tensor

from ..functional import edges
from ..registry import AUGMENTATIONS
from .base import Augmentation, Space, bernoulli, check_probability


class EdgeAugmentation(Augmentation):
    """Perturbs graphs (N, K, V, V): every block of the backbone hands in its own and gets another draw.

    Args:
        max_ratio: The share of edges is drawn anew for every graph, evenly between 0 and this.
        shared: One draw for the whole batch, as in the HiCLR release, instead of one a graph.
        p: Probability for each graph, see `EdgePerturbation`.
    """

    space: ClassVar[Space] = 'graph'

    def __init__(self, max_ratio: float = 0.1, shared: bool = False, p: float = 1.0) -> None:
        super().__init__()
        if not 0 < max_ratio < 1:
            raise ValueError(f'max_ratio must lie between 0 and 1, got {max_ratio}; HiCLR uses 0.1 and 0.05')
        self.max_ratio, self.shared, self.p = max_ratio, shared, check_probability(p)

    def draw(self, graph: Tensor, generator: Generator | None) -> tuple[Tensor, Tensor]:
        """Rates (N) and booleans (N, K, V, V), true with the rate as probability; N is 1 where shared."""
        one_a_draw = graph[:1] if self.shared else graph
        rate = self.max_ratio * torch.rand(len(one_a_draw), device=graph.device, generator=generator)
        rate = rate * bernoulli(one_a_draw, self.p, generator)
        u = torch.rand(one_a_draw.shape, device=graph.device, generator=generator)
        return rate, u < rate.reshape(-1, 1, 1, 1)


@AUGMENTATIONS.register_module()
class DropEdges(EdgeAugmentation):
    """Removes random edges; those that stay are scaled up.

    Args:
        max_ratio: The share of edges is drawn anew for every block, evenly between 0 and this.
        keep: What the scale keeps: 'expectation', of every weight over draws, or 'total', of the
            weights of each graph. HiCLR's release has code for both and runs the first.
        shared: One draw for the whole batch, as in the HiCLR release, instead of one a graph.
        p: Probability for each graph, see `EdgePerturbation`.
    """

    def __init__(
        self,
        max_ratio: float = 0.1,
        keep: Literal['expectation', 'total'] = 'expectation',
        shared: bool = False,
        p: float = 1.0,
    ) -> None:
        super().__init__(max_ratio, shared, p)
        if keep not in ('expectation', 'total'):
            raise ValueError(f"keep must be 'expectation' or 'total', got {keep!r}")
        self.keep = keep

    def sample(self, x: Tensor, generator: Generator | None = None) -> dict[str, Tensor]:
        """rate: (N); kept: (N, K, V, V) booleans."""
        rate, dropped = self.draw(x, generator)
        return {'kept': ~dropped, 'rate': rate}

    def apply(self, x: Tensor, kept: Tensor, rate: Tensor) -> Tensor:  # type: ignore[override]
        dropped = edges.drop_edges(x, kept, rate)
        return edges.keep_total(dropped, x) if self.keep == 'total' else dropped


@AUGMENTATIONS.register_module()
class AddEdges(EdgeAugmentation):
    """Adds random edges where the graph has none, and scales it to keep its total weight.

    Args:
        max_ratio: The share of absent edges is drawn anew for every block, evenly between 0 and this.
        value: Weight of a new edge: 'one', for an adjacency, or 'mean', the mean weight of the graph,
            for an attention map, as in the HiCLR release. An attention map has absent edges only
            after edges were dropped.
        shared: One draw for the whole batch, as in the HiCLR release, instead of one a graph.
        p: Probability for each graph, see `EdgePerturbation`.
    """

    def __init__(
        self,
        max_ratio: float = 0.05,
        value: Literal['one', 'mean'] = 'one',
        shared: bool = False,
        p: float = 1.0,
    ) -> None:
        super().__init__(max_ratio, shared, p)
        if value not in ('one', 'mean'):
            raise ValueError(f"value must be 'one' or 'mean', got {value!r}")
        self.value = value

    def sample(self, x: Tensor, generator: Generator | None = None) -> dict[str, Tensor]:
        """added: (N, K, V, V) booleans."""
        return {'added': self.draw(x, generator)[1]}

    def apply(self, x: Tensor, added: Tensor) -> Tensor:  # type: ignore[override]
        mean = x.detach().mean(dim=(1, 2, 3), keepdim=True)
        return edges.add_edges(x, added, torch.ones_like(mean) if self.value == 'one' else mean)
