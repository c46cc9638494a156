"""ST-GCN as HiCLR's release uses it: narrow channels, ten blocks, mean over frames, joints and bodies."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

from ..functional.bodies import Bodies
from ..functional.channel_norm import channel_norm
from ..functional.dropout import add_dropout, dropout
from ..functional.graph_convolution import graph_convolution
from ..graphs import SkeletonLayout, adjacency, get_layout
from ..registry import BACKBONES
from ..structures import EdgePerturbation, Features
from .base import Backbone
from .layers import ChannelsFirstConv, ChannelsFirstConvNorm, mean_of_frames_and_joints

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
        absent_bodies: 'encode' runs bodies that are all zeros through the network and takes the mean over
            all M, as the release does; 'skip' leaves them out of it all, batch norm included, which
            saves their time.
    Shape:
        x: (N, C, T, V, M); pooled: (N, D); map: (N, D, ceil(ceil(T / 2) / 2), V, M).
    """

    takes_edges = True
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
        absent_bodies: Literal['encode', 'skip'] = 'encode',
    ) -> None:
        super().__init__()
        if absent_bodies not in ('encode', 'skip'):
            raise ValueError(f"absent_bodies must be 'encode' or 'skip', got {absent_bodies!r}")
        if min(hidden_channels, out_channels, in_channels) < 1:
            raise ValueError(
                'channels must be >= 1, got '
                f'in_channels={in_channels}, hidden_channels={hidden_channels}, out_channels={out_channels}'
            )
        if not 0 <= dropout < 1:
            raise ValueError(f'dropout must be in [0, 1), got {dropout}; HiCLR configs use 0.5')
        self.layout = get_layout(layout)
        self.num_joints, self.in_channels = self.layout.num_joints, in_channels
        self.out_channels, self.absent_bodies = out_channels, absent_bodies
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

    def forward(self, x: Tensor, edges: EdgePerturbation | None = None) -> Features:
        n, c, t, v, _ = x.shape
        if (c, v) != (self.in_channels, self.num_joints):
            raise ValueError(
                f'STGCN expects {self.in_channels} channels and {self.num_joints} joints '
                f'({self.layout.name}), got input of shape {tuple(x.shape)} in the order (N, C, T, V, M)'
            )
        bodies = Bodies.every(x) if self.absent_bodies == 'encode' else Bodies.present(x)
        x = bodies.take(x).permute(1, 2, 3, 0).flatten(0, 1)  # (V * C, T, B)
        x = channel_norm(self.input_norm, x).view(v, c, t, -1).permute(1, 2, 3, 0)  # (C, T, B, V)
        adjacency = self.adjacency
        for block in self.blocks:
            if edges is not None:  # (B, K, V, V), the same for all bodies of a sequence
                adjacency = edges(self.adjacency.expand(n, -1, -1, -1))[bodies.sequence]
            x = block(x, adjacency)
        return Features(bodies.mean(mean_of_frames_and_joints(x)), map=bodies.put(x))


class STGCNBlock(nn.Module):
    """Graph convolution over joints, then a convolution over frames, with a residual connection.

    Shape:
        x: (C_in, T, B, V); adjacency: (K, V, V) or (B, K, V, V); output: (C_out, ceil(T / stride), B, V).
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
        self.temporal_conv = ChannelsFirstConv(out_channels, out_channels, TEMPORAL_KERNEL, stride)
        self.norm2 = nn.BatchNorm2d(out_channels)
        self.residual: nn.Module = nn.Identity()
        if residual and (in_channels != out_channels or stride != 1):
            self.residual = ChannelsFirstConvNorm(in_channels, out_channels, stride=stride)

    def forward(self, x: Tensor, adjacency: Tensor) -> Tensor:
        weighted = adjacency if self.edge_importance is None else adjacency * self.edge_importance
        y = graph_convolution(x, weighted, self.graph_conv.weight, self.graph_conv.bias)
        y = torch.relu(channel_norm(self.norm1, y))
        y = channel_norm(self.norm2, self.temporal_conv(y))
        if not self.has_residual:
            return torch.relu(dropout(y, self.dropout, self.training))
        return torch.relu(add_dropout(self.residual(x), y, self.dropout, self.training))


def _adjacency(layout: SkeletonLayout, strategy: str) -> Tensor:
    return torch.as_tensor(adjacency(layout, strategy), dtype=torch.float32)
