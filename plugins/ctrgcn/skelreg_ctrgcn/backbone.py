"""CTR-GCN: graph convolutions whose topology is refined for every channel and every sequence."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from skelreg.backbones.base import Backbone
from skelreg.graphs import SkeletonLayout, adjacency, get_layout
from skelreg.registry import BACKBONES
from skelreg.structures import EdgePerturbation, Features

KERNEL, DILATIONS = 5, (1, 2)
#: Branches of the temporal convolution: one a dilation, one that pools, one that only mixes channels.
BRANCHES = len(DILATIONS) + 2
#: The relations of raw coordinates are modelled in so many channels, whatever the reduction.
RELATIONS_OF_INPUT = 8


@BACKBONES.register_module()
class CTRGCN(Backbone):
    """Channel-wise topology refinement graph convolutional network.

    Reference: Chen et al., ICCV 2021, as in the authors' code, but for the first batch norm: it has no
    statistics of its own for the second body, so that any number of bodies can be encoded.

    Args:
        layout: Name of the skeleton layout, or the layout.
        in_channels: C of the input.
        hidden_channels: Width h of the first stage, a multiple of 4; the stages are h, 2h, 4h wide.
        out_channels: Width of the last block, the length D of the feature vector, a multiple of 4; None
            is 4h, as in the paper.
        reduction: The relation of two joints has a channel for so many channels of the block's input.
        graph_scale: Initial weight of the batch norm behind each graph convolution. The authors' 1e-6
            lets every block begin as its residual connection.
    Shape:
        x: (N, C, T, V, M); pooled: (N, D); map: (N, D, ceil(ceil(T / 2) / 2), V, M).
    """

    takes_edges = True

    def __init__(
        self,
        layout: str | SkeletonLayout = 'ntu_rgbd',
        in_channels: int = 3,
        hidden_channels: int = 64,
        out_channels: int | None = None,
        reduction: int = 8,
        graph_scale: float = 1e-6,
    ) -> None:
        super().__init__()
        h = hidden_channels
        out_channels = 4 * h if out_channels is None else out_channels
        for name, width in (('hidden_channels', h), ('out_channels', out_channels)):
            if width < BRANCHES or width % BRANCHES:
                raise ValueError(f'{name} must be a multiple of {BRANCHES}, got {width}; usual: 64, 256')
        if not 1 <= reduction <= h:
            raise ValueError(f'reduction must lie between 1 and hidden_channels={h}, got {reduction}')
        layout = get_layout(layout)
        self.num_joints, self.in_channels, self.out_channels = layout.num_joints, in_channels, out_channels
        self.input_norm = nn.BatchNorm1d(in_channels * layout.num_joints)
        # The authors let a joint receive along the rows of the matrices, skelreg along the columns.
        topology = adjacency(layout, 'inward_outward').transpose(1, 2)
        widths = [(in_channels, h, 1), *[(h, h, 1)] * 3, (h, 2 * h, 2), *[(2 * h, 2 * h, 1)] * 2]
        widths += [(2 * h, 4 * h, 2), (4 * h, 4 * h, 1), (4 * h, out_channels, 1)]
        self.blocks = nn.ModuleList(
            CTRGCNBlock(
                c_in,
                c_out,
                stride,
                topology=topology,
                relations=c_in // reduction if i else RELATIONS_OF_INPUT,
                residual=i > 0,
            )
            for i, (c_in, c_out, stride) in enumerate(widths)
        )
        self._initialise(graph_scale)

    def forward(self, x: Tensor, edges: EdgePerturbation | None = None) -> Features:
        n, c, t, v, m = x.shape
        if (c, v) != (self.in_channels, self.num_joints):
            raise ValueError(
                f'CTRGCN expects {self.in_channels} channels and {self.num_joints} joints, '
                f'got input of shape {tuple(x.shape)} in the order (N, C, T, V, M)'
            )
        x = self.input_norm(x.permute(0, 4, 3, 1, 2).reshape(n * m, v * c, t))
        x = x.view(n * m, v, c, t).permute(0, 2, 3, 1)  # (N * M, C, T, V)
        for block in self.blocks:
            topology = block.graph.topology[None]  # (1, K, V, V)
            if edges is not None:  # the same for all bodies of a sequence
                topology = edges(topology.expand(n, -1, -1, -1)).repeat_interleave(m, dim=0)
            x = block(x, topology)
        maps = x.view(n, m, *x.shape[1:]).permute(0, 2, 3, 4, 1)  # (N, D, T', V, M)
        return Features(maps.mean(dim=(2, 3, 4)), map=maps)

    def _initialise(self, graph_scale: float) -> None:
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode='fan_out')
                nn.init.zeros_(module.bias)
        for block in self.blocks:
            nn.init.constant_(block.graph.norm.weight, graph_scale)


class CTRGCNBlock(nn.Module):
    """Refined graph convolution over joints, then a multi-scale convolution over frames.

    Shape:
        x: (B, C_in, T, V); topology: (B or 1, K, V, V); output: (B, C_out, ceil(T / stride), V).
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        stride: int,
        topology: Tensor,
        relations: int,
        residual: bool,
    ) -> None:
        super().__init__()
        self.graph = RefinedGraphConvolution(in_channels, out_channels, topology, relations)
        self.temporal = MultiScaleTemporalConvolution(out_channels, stride)
        self.has_residual = residual
        self.residual: nn.Module = nn.Identity()
        if residual and (in_channels != out_channels or stride != 1):
            self.residual = _normed(nn.Conv2d(in_channels, out_channels, 1, (stride, 1)))

    def forward(self, x: Tensor, topology: Tensor) -> Tensor:
        y = self.temporal(self.graph(x, topology))
        return torch.relu(y + self.residual(x) if self.has_residual else y)


class RefinedGraphConvolution(nn.Module):
    """Each of K topologies is shared by all channels, and refined by what the joints are to one another.

    Channel c of subset k weighs the edge from joint v to joint w by
    A[k, v, w] + alpha * R[k, c](tanh(P_k(w) - Q_k(v))), P and Q the joints' means over the frames.

    Shape:
        x: (B, C_in, T, V); topology: (B or 1, K, V, V); output: (B, C_out, T, V).
    """

    def __init__(self, in_channels: int, out_channels: int, topology: Tensor, relations: int) -> None:
        super().__init__()
        k = len(topology)
        self.topology = nn.Parameter(topology.clone())
        self.alpha = nn.Parameter(torch.zeros(1))
        self.receiving = nn.Conv2d(in_channels, k * relations, 1)
        self.giving = nn.Conv2d(in_channels, k * relations, 1)
        self.relation = nn.Conv2d(k * relations, k * out_channels, 1, groups=k)
        self.value = nn.Conv2d(in_channels, k * out_channels, 1)
        self.norm = nn.BatchNorm2d(out_channels)
        self.residual: nn.Module = nn.Identity()
        if in_channels != out_channels:
            self.residual = _normed(nn.Conv2d(in_channels, out_channels, 1))

    def forward(self, x: Tensor, topology: Tensor) -> Tensor:
        k, (b, _, t, v) = topology.shape[1], x.shape
        mean = x.mean(dim=2, keepdim=True)  # both maps are linear, so the mean may come first
        giving = self.giving(mean).transpose(2, 3)  # (B, K R, V, 1)
        receiving = self.receiving(mean)  # (B, K R, 1, V)
        refinement = self.relation(torch.tanh(receiving - giving)).view(b, k, -1, v, v)  # (B, K, C_out, V, V)
        weights = topology[:, :, None] + self.alpha * refinement
        values = self.value(x).view(b, k, -1, t, v)
        # The sum over subsets is one more part of the sum over giving joints.
        values, weights = values.permute(0, 2, 3, 1, 4), weights.transpose(1, 2)
        y = values.flatten(3) @ weights.flatten(2, 3)  # (B, C_out, T, V)
        return torch.relu(self.norm(y) + self.residual(x))


class MultiScaleTemporalConvolution(nn.Module):
    """Four branches a quarter of the channels wide: two dilations, a maximum, and no neighbour at all.

    Shape:
        x: (B, C, T, V); output: (B, C, ceil(T / stride), V).
    """

    def __init__(self, channels: int, stride: int) -> None:
        super().__init__()
        width, step = channels // BRANCHES, (stride, 1)

        def narrowed() -> list[nn.Module]:
            return [nn.Conv2d(channels, width, 1), nn.BatchNorm2d(width), nn.ReLU()]

        dilated = [
            nn.Conv2d(width, width, (KERNEL, 1), step, (dilation * (KERNEL // 2), 0), (dilation, 1))
            for dilation in DILATIONS
        ]
        self.branches = nn.ModuleList(
            [nn.Sequential(*narrowed(), conv, nn.BatchNorm2d(width)) for conv in dilated]
        )
        self.branches.append(
            nn.Sequential(*narrowed(), nn.MaxPool2d((3, 1), step, (1, 0)), nn.BatchNorm2d(width))
        )
        self.branches.append(_normed(nn.Conv2d(channels, width, 1, step)))

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([branch(x) for branch in self.branches], dim=1)


def _normed(conv: nn.Conv2d) -> nn.Sequential:
    return nn.Sequential(conv, nn.BatchNorm2d(conv.out_channels))
