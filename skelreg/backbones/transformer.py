"""The transformer of HiCLR's release: DSTA-Net with attention over joints and convolutions over frames."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn.functional import leaky_relu

from ..functional.attention import attention_maps, position_encoding
from ..functional.bodies import Bodies
from ..functional.channel_norm import channel_norm
from ..functional.dropout import add_dropout, dropout
from ..functional.graph_convolution import graph_convolution
from ..graphs import SkeletonLayout, get_layout
from ..registry import BACKBONES
from ..structures import EdgePerturbation, Features
from .base import Backbone
from .layers import ChannelsFirstConv, ChannelsFirstConvNorm, mean_of_frames_and_joints

TEMPORAL_KERNEL = 7
NEGATIVE_SLOPE = 0.1
#: Width, channels of a query and stride over frames of each block, as released.
RELEASE_BLOCKS = (
    (32, 16, 1),
    (32, 16, 1),
    (64, 16, 2),
    (64, 16, 1),
    (128, 32, 2),
    (128, 32, 1),
    (128, 32, 1),
    (256, 32, 1),
)


@BACKBONES.register_module()
class Transformer(Backbone):
    """Attention between joints by tanh, without softmax, beside a learned map that all sequences share.

    Reference: Shi, Zhang, Cheng, Lu, ACCV 2020 (DSTA-Net), in the form of HiCLR's release (AAAI 2023). The
    release loses its arguments for dropout and for augmentations of edges on their way to this encoder;
    here `dropout` works, and so do the augmentations DropEdges and AddEdges. They perturb the attention maps
    of every body by a draw of its own, and with temporal attention the maps between frames, too.

    Args:
        layout: Name of the skeleton layout, or the layout.
        in_channels: C of the input.
        stem_channels: Width before the first block.
        blocks: For each block its width, the channels of a query, and its stride over frames; the last
            width is the length D of the feature vector.
        subsets: K, attention maps a block.
        temporal_attention: Attend over frames, too, where the release convolves over them.
        num_frames: With temporal attention, the T for which each block learns a map that all sequences
            share; None learns none. A shorter clip uses its first rows and columns, a longer one goes on
            with the identity, from which the map starts.
        skip_dropout: Probability on the skip path around each block's frames ('attentiondrop' in the
            release, though it is applied to no attention).
        dropout: Probability on the pooled features; the release's argument is lost, so 0.
    Shape:
        x: (N, C, T, V, M); pooled: (N, D); map: (N, D, T', V, M); every block makes T
        ceil(T / stride).
    """

    takes_edges = True

    def __init__(
        self,
        layout: str | SkeletonLayout = 'ntu_rgbd',
        in_channels: int = 3,
        stem_channels: int = 32,
        blocks: Sequence[Sequence[int]] = RELEASE_BLOCKS,
        subsets: int = 3,
        temporal_attention: bool = False,
        num_frames: int | None = None,
        skip_dropout: float = 0.5,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        blocks = _checked(blocks)
        if min(in_channels, stem_channels, subsets) < 1:
            raise ValueError(
                'channels and subsets must be >= 1, got '
                f'in_channels={in_channels}, stem_channels={stem_channels}, subsets={subsets}'
            )
        for name, p in (('skip_dropout', skip_dropout), ('dropout', dropout)):
            if not 0 <= p < 1:
                raise ValueError(f'{name} must be in [0, 1), got {p}; HiCLR has 0.5 on skips and 0 elsewhere')
        if num_frames is not None and (num_frames < 1 or not temporal_attention):
            raise ValueError(
                f'num_frames sizes the maps of temporal attention, got num_frames={num_frames} with '
                f'temporal_attention={temporal_attention}; leave it out or set temporal_attention=True'
            )
        self.layout = get_layout(layout)
        self.num_joints, self.in_channels = self.layout.num_joints, in_channels
        self.out_channels, self.dropout = blocks[-1][0], dropout
        self.stem = ChannelsFirstConvNorm(in_channels, stem_channels)
        self.blocks = nn.ModuleList()
        channels, frames = stem_channels, num_frames
        for width, query_channels, stride in blocks:
            self.blocks.append(
                TransformerBlock(
                    channels,
                    width,
                    query_channels,
                    stride,
                    subsets=subsets,
                    num_joints=self.num_joints,
                    temporal_attention=temporal_attention,
                    num_frames=frames,
                    skip_dropout=skip_dropout,
                )
            )
            channels, frames = width, None if frames is None else -(-frames // stride)

    def forward(self, x: Tensor, edges: EdgePerturbation | None = None) -> Features:
        _, c, _, v, _ = x.shape
        if (c, v) != (self.in_channels, self.num_joints):
            raise ValueError(
                f'Transformer expects {self.in_channels} channels and {self.num_joints} joints '
                f'({self.layout.name}), got input of shape {tuple(x.shape)} in the order (N, C, T, V, M)'
            )
        bodies = Bodies.every(x)
        x = bodies.take(x).permute(2, 3, 0, 1)  # (C, T, B, V)
        x = leaky_relu(self.stem(x), NEGATIVE_SLOPE)
        for block in self.blocks:
            x = block(x, edges)
        pooled = dropout(bodies.mean(mean_of_frames_and_joints(x)), self.dropout, self.training)
        return Features(pooled, map=bodies.put(x))


class TransformerBlock(nn.Module):
    """Attention over joints, then over frames a convolution or attention.

    Shape:
        x: (C_in, T, B, V); output: (C_out, ceil(T / stride), B, V).
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        query_channels: int,
        stride: int,
        subsets: int,
        num_joints: int,
        temporal_attention: bool,
        num_frames: int | None,
        skip_dropout: float,
    ) -> None:
        super().__init__()
        projects = in_channels != out_channels or stride != 1
        self.spatial = AttentionHalf(
            in_channels,
            out_channels,
            query_channels,
            subsets,
            projects,
            start=torch.full((num_joints, num_joints), 1 / num_joints),
        )
        self.temporal: TemporalConvolution | AttentionHalf
        if temporal_attention:
            start = None if num_frames is None else torch.eye(num_frames)
            self.temporal = AttentionHalf(
                out_channels, out_channels, query_channels, subsets, projects, start, stride, skip_dropout
            )
        else:
            self.temporal = TemporalConvolution(out_channels, stride, projects, skip_dropout)

    def forward(self, x: Tensor, edges: EdgePerturbation | None = None) -> Tensor:
        x = self.spatial(x, edges)
        if isinstance(self.temporal, TemporalConvolution):
            return self.temporal(x)
        frames_last = x.transpose(1, 3).contiguous()  # (C, V, B, T)
        y: Tensor = self.temporal(frames_last, edges)
        return y.transpose(1, 3).contiguous()  # (C, T', B, V)


class AttentionHalf(nn.Module):
    """Attention over the last axis, then a linear layer, each with a skip around it.

    Queries and keys see where they are (sinusoids are added), values do not.

    Args:
        in_channels: Width of the input.
        out_channels: Width of the output.
        query_channels: Channels of a query and of a key.
        subsets: K, attention maps.
        projects: Whether the skips are linear layers rather than the identity.
        start: Map (L, L) from which the maps start that all sequences share, or None for no such map.
        stride: Of the output over the last axis.
        skip_dropout: Probability on the outer skip.
    Shape:
        x: (C_in, R, B, L); output: (C_out, R, B, ceil(L / stride)).
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        query_channels: int,
        subsets: int,
        projects: bool,
        start: Tensor | None,
        stride: int = 1,
        skip_dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.subsets, self.stride, self.skip_dropout = subsets, stride, skip_dropout
        self.query_key = ChannelsFirstConv(in_channels, 2 * subsets * query_channels)
        self.strength = nn.Parameter(torch.ones(1, subsets, 1, 1))
        self.shared = None if start is None else nn.Parameter(start.repeat(1, subsets, 1, 1))
        self.mix = ChannelsFirstConvNorm(subsets * in_channels, out_channels)
        self.inner_skip = ChannelsFirstConvNorm(in_channels, out_channels) if projects else nn.Identity()
        self.feed = ChannelsFirstConvNorm(out_channels, out_channels)
        self.skip = ChannelsFirstConvNorm(in_channels, out_channels) if projects else nn.Identity()

    def forward(self, x: Tensor, edges: EdgePerturbation | None = None) -> Tensor:
        attention = self.attention(x)
        if edges is not None:
            attention = edges(attention)
        mixed = channel_norm(self.mix[1], self._mixed(x, attention))
        y = leaky_relu(mixed + self.inner_skip(x), NEGATIVE_SLOPE)
        y, skip = self.feed(y[..., :: self.stride]), self.skip(x[..., :: self.stride])
        return _join(y, skip, self.skip_dropout, self.training)

    def attention(self, x: Tensor) -> Tensor:
        """The maps (B, K, L, L) of x, before any perturbation."""
        encoding = position_encoding(x.shape[3], x.shape[0], like=x)
        query_key = self.query_key(x + encoding[:, None, None]).permute(2, 0, 1, 3)  # (B, ..., R, L)
        maps = attention_maps(query_key, self.subsets) * self.strength
        return maps if self.shared is None else maps + _resized(self.shared, x.shape[3])

    def _mixed(self, x: Tensor, attention: Tensor) -> Tensor:
        """Sums of x over the last axis weighted by every map, and a linear layer over all of them."""
        linear = cast(nn.Conv2d, self.mix[0])
        by_subset = linear.weight.view(linear.out_channels, self.subsets, -1).transpose(0, 1)
        weight = by_subset.reshape(-1, len(x), 1, 1)  # (K * C_out, C_in, 1, 1)
        y = graph_convolution(x, attention, weight, None)  # (C_out, R, B, L)
        return y.contiguous().add_(cast(Tensor, linear.bias)[:, None, None, None])


class TemporalConvolution(nn.Module):
    """Convolution over frames with a skip around it, and dropout on the skip.

    Shape:
        x: (C, T, B, V); output: (C, ceil(T / stride), B, V).
    """

    def __init__(self, channels: int, stride: int, projects: bool, skip_dropout: float) -> None:
        super().__init__()
        self.skip_dropout = skip_dropout
        self.mix = ChannelsFirstConvNorm(channels, channels, TEMPORAL_KERNEL, stride)
        self.skip = ChannelsFirstConvNorm(channels, channels, stride=stride) if projects else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        return _join(self.mix(x), self.skip(x), self.skip_dropout, self.training)


def _join(x: Tensor, skip: Tensor, p: float, training: bool) -> Tensor:
    """leaky(x + dropout(skip))."""
    return leaky_relu(add_dropout(x, skip, p, training), NEGATIVE_SLOPE)


def _resized(shared: Tensor, length: int) -> Tensor:
    """The first rows and columns of (1, K, L, L) maps, or the maps continued by the identity."""
    missing = length - shared.shape[-1]
    if missing <= 0:
        return shared[..., :length, :length]
    rest = torch.eye(missing, dtype=shared.dtype, device=shared.device).expand(*shared.shape[:2], -1, -1)
    return torch.cat(
        [nn.functional.pad(shared, (0, missing)), nn.functional.pad(rest, (length - missing, 0))], dim=2
    )


def _checked(blocks: Sequence[Sequence[int]]) -> list[tuple[int, int, int]]:
    rows = [tuple(block) for block in blocks]
    if not rows or any(len(row) != 3 or min(row) < 1 for row in rows):
        raise ValueError(
            f'blocks must be rows of (width, channels of a query, stride), all >= 1, got {list(blocks)}'
        )
    return cast(list[tuple[int, int, int]], rows)
