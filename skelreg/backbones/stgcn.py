"""ST-GCN as HiCLR's release uses it: narrow channels, ten blocks, mean over frames, joints and bodies."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ..functional.dropout import dropout
from ..graphs import SkeletonLayout, adjacency, get_layout
from ..registry import BACKBONES
from ..structures import Features
from .base import Backbone

TEMPORAL_KERNEL = 9


@BACKBONES.register_module()
class STGCN(Backbone):
    """Spatial temporal graph convolutional network.

    Reference: Yan, Xiong, Lin, AAAI 2018; widths as in the release of HiCLR (AAAI 2023).

    Args:
        layout: Name of the skeleton layout, or the layout.
        in_channels: C of the input.
        hidden_channels: Width h of the first stage; the stages are h, 2h, 4h wide.
        out_channels: Width of the last block, the length D of the feature vector.
        dropout: Probability inside every block but the first.
        adjacency: How the neighbours of a joint are partitioned, see `skelreg.graphs.adjacency`.
        edge_importance: Whether every block learns a multiplicative weight for each edge.
    Shape:
        x: (N, C, T, V, M); pooled: (N, D); map: (N, D, ceil(ceil(T / 2) / 2), V, M).
    """

    adjacency: Tensor

    def __init__(
        self,
        layout: str | SkeletonLayout = 'ntu_rgbd',
        in_channels: int = 3,
        hidden_channels: int = 16,
        out_channels: int = 256,
        dropout: float = 0.5,
        adjacency: str = 'spatial',
        edge_importance: bool = True,
    ) -> None:
        super().__init__()
        if min(hidden_channels, out_channels, in_channels) < 1:
            raise ValueError(
                'channels must be >= 1, got '
                f'in_channels={in_channels}, hidden_channels={hidden_channels}, out_channels={out_channels}'
            )
        if not 0 <= dropout < 1:
            raise ValueError(f'dropout must be in [0, 1), got {dropout}; HiCLR configs use 0.5')
        self.layout = get_layout(layout)
        self.num_joints, self.in_channels = self.layout.num_joints, in_channels
        self.out_channels = out_channels
        self.input_norm = nn.BatchNorm1d(in_channels * self.num_joints)
        self.register_buffer('adjacency', _adjacency(self.layout, adjacency), persistent=False)
        h = hidden_channels
        widths = [(in_channels, h, 1), *[(h, h, 1)] * 3, (h, 2 * h, 2), *[(2 * h, 2 * h, 1)] * 2]
        widths += [(2 * h, 4 * h, 2), (4 * h, 4 * h, 1), (4 * h, out_channels, 1)]
        subsets, joints = self.adjacency.shape[:2]
        self.blocks = nn.ModuleList(
            STGCNBlock(
                c_in,
                c_out,
                stride,
                dropout=dropout if i else 0.0,
                residual=i > 0,
                adjacency_shape=(subsets, joints),
                edge_importance=edge_importance,
            )
            for i, (c_in, c_out, stride) in enumerate(widths)
        )

    def forward(self, x: Tensor) -> Features:
        n, c, t, v, m = x.shape
        if (c, v) != (self.in_channels, self.num_joints):
            raise ValueError(
                f'STGCN expects {self.in_channels} channels and {self.num_joints} joints '
                f'({self.layout.name}), got input of shape {tuple(x.shape)} in the order (N, C, T, V, M)'
            )
        x = x.permute(0, 4, 3, 1, 2).reshape(n * m, v * c, t)
        x = self.input_norm(x).view(n * m, v, c, t).permute(0, 2, 3, 1)  # (N*M, C, T, V)
        for block in self.blocks:
            x = block(x, self.adjacency)
        pooled = x.mean(dim=(2, 3)).view(n, m, -1).mean(dim=1)
        x = x.view(n, m, *x.shape[1:])  # (N, M, D, T', V)
        return Features(pooled, map=x.permute(0, 2, 3, 4, 1))


class STGCNBlock(nn.Module):
    """Graph convolution over joints, then a convolution over frames, with a residual connection.

    Shape:
        x: (B, C_in, T, V); adjacency: (K, V, V); output: (B, C_out, ceil(T / stride), V).
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        stride: int,
        dropout: float,
        residual: bool,
        adjacency_shape: tuple[int, int],
        edge_importance: bool,
    ) -> None:
        super().__init__()
        subsets, joints = adjacency_shape
        self.dropout, self.has_residual = dropout, residual
        self.edge_importance = nn.Parameter(torch.ones(subsets, joints, joints)) if edge_importance else None
        self.graph_conv = nn.Conv2d(in_channels, subsets * out_channels, 1)
        self.norm1 = nn.BatchNorm2d(out_channels)
        self.temporal_conv = nn.Conv2d(
            out_channels, out_channels, (TEMPORAL_KERNEL, 1), (stride, 1), (TEMPORAL_KERNEL // 2, 0)
        )
        self.norm2 = nn.BatchNorm2d(out_channels)
        self.residual: nn.Module = nn.Identity()
        if residual and (in_channels != out_channels or stride != 1):
            self.residual = nn.Sequential(
                nn.Conv2d(in_channels, out_channels, 1, (stride, 1)), nn.BatchNorm2d(out_channels)
            )

    def forward(self, x: Tensor, adjacency: Tensor) -> Tensor:
        weighted = adjacency if self.edge_importance is None else adjacency * self.edge_importance
        y = graph_convolution(x, weighted, self.graph_conv.weight, self.graph_conv.bias)
        y = torch.relu_(self.norm1(y))
        y = dropout(self.norm2(self.temporal_conv(y)), self.dropout, self.training)
        return torch.relu_(y + self.residual(x) if self.has_residual else y)


def graph_convolution(x: Tensor, adjacency: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """y[o, w] = sum_k sum_v (W_k x + b_k)[o, v] A[k, v, w], neighbours summed before the channels are mixed.

    The order gives the same result as the usual one (mix, then sum), with less arithmetic where
    a block widens, since the wide tensor is never held once per subset.

    Shape:
        x: (B, C, T, V); adjacency: (K, V, V); weight: (K * C_out, C, 1, 1); bias: (K * C_out);
        output: (B, C_out, T, V).
    """
    b, c, t, v = x.shape
    rows = x.reshape(-1, v)
    weights = weight.view(len(adjacency), -1, c).unsqueeze(1)  # (K, 1, C_out, C)
    y: Tensor | None = None
    for subset, mix in zip(adjacency, weights, strict=True):
        summed, mix = (rows @ subset).view(b, c, t * v), mix.expand(b, -1, -1)
        y = torch.bmm(mix, summed) if y is None else torch.baddbmm(y, mix, summed)
    if y is None:
        raise ValueError('adjacency has no subset')
    y = y.view(b, -1, t, v)
    if bias is None:
        return y
    return y + (bias.view(len(adjacency), -1).T @ adjacency.sum(dim=1).to(bias.dtype))[:, None]


def _adjacency(layout: SkeletonLayout, strategy: str) -> Tensor:
    return torch.as_tensor(adjacency(layout, strategy), dtype=torch.float32)
