from __future__ import annotations

import torch
from torch import Tensor, nn

from skelreg.compat.flops import count_flops, count_parameters


class GraphProduct(nn.Module):
    """The product on which MMEngine's counter stops with a bare StopIteration."""

    def forward(self, x: Tensor, a: Tensor) -> Tensor:
        return torch.einsum('nctv,kvw->nkctw', x, a)


def test_a_graph_product_counts_two_operations_per_multiply_add() -> None:
    n, c, t, v, k = 2, 4, 5, 25, 3
    inputs = torch.rand(n, c, t, v), torch.rand(k, v, v)
    assert count_flops(GraphProduct(), inputs) == 2 * n * k * c * t * v * v


def test_the_module_is_left_as_it_was() -> None:
    net = nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2)).train()
    net[1].eval()
    assert count_flops(net, (torch.rand(4, 3),)) == 2 * 4 * 3 * 2
    assert (net[0].training, net[1].training, net[1].num_batches_tracked.item()) == (True, False, 0)


def test_parameters_are_counted() -> None:
    net = nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2))
    net[0].bias.requires_grad_(False)
    assert (count_parameters(net), count_parameters(net, trainable_only=True)) == (12, 10)
