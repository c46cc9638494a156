"""Bidirectional gated recurrent units over frames: the field's common sequence encoder."""

from __future__ import annotations

from typing import Literal, cast

import torch
from torch import Tensor, nn

from ..functional.bodies import Bodies
from ..functional.dropout import dropout
from ..functional.recurrence import run_layer
from ..graphs import SkeletonLayout, get_layout
from ..registry import BACKBONES
from ..structures import Features
from .base import Backbone


@BACKBONES.register_module()
class GRU(Backbone):
    """Stacked GRU over frames; a frame is one vector of all coordinates, behind a batch norm.

    HiCLR's paper evaluates a GRU that its release lacks. The defaults are the encoder of two other
    contrastive methods, ISC (ACM MM 2021) and CMD (ECCV 2022): both bodies in one vector, 3 layers of
    1,024 units in two directions, and CMD's batch norm. One thing is not taken over: their code calls
    the GRU frame by frame, so that its second direction runs forwards as well; here it runs backwards.

    Args:
        layout: Name of the skeleton layout, or the layout.
        in_channels: C of the input.
        hidden_channels: Units of a layer in one direction; D is twice that with both directions.
        num_layers: Layers.
        bidirectional: Whether a second recurrence reads every layer's input backwards.
        dropout: Probability between layers.
        bodies: 'concatenate' reads both bodies as one vector; 'mean' reads each body that is present by
            itself and averages their features; a sequence without any has zeros.
        max_bodies: With 'concatenate', the M that a vector has room for; input of fewer bodies is
            filled with zeros, as absent bodies are.
        pooling: 'last' takes from each direction the state after it has read the whole clip; 'mean'
            averages the states of all frames.
    Shape:
        x: (N, C, T, V, M); pooled: (N, D); map: (N, D, T, 1, M), the states of the last layer; with
        'concatenate' all M show the same, and with 'mean' an absent body shows zeros.
    """

    def __init__(
        self,
        layout: str | SkeletonLayout = 'ntu_rgbd',
        in_channels: int = 3,
        hidden_channels: int = 1024,
        num_layers: int = 3,
        bidirectional: bool = True,
        dropout: float = 0.0,
        bodies: Literal['concatenate', 'mean'] = 'concatenate',
        max_bodies: int = 2,
        pooling: Literal['last', 'mean'] = 'last',
    ) -> None:
        super().__init__()
        if min(in_channels, hidden_channels, num_layers, max_bodies) < 1:
            raise ValueError(
                'sizes must be >= 1, got '
                f'in_channels={in_channels}, hidden_channels={hidden_channels}, num_layers={num_layers}, '
                f'max_bodies={max_bodies}'
            )
        if not 0 <= dropout < 1:
            raise ValueError(f'dropout must be in [0, 1), got {dropout}; CMD has none')
        if bodies not in ('concatenate', 'mean'):
            raise ValueError(f"bodies must be 'concatenate' or 'mean', got {bodies!r}")
        if pooling not in ('last', 'mean'):
            raise ValueError(f"pooling must be 'last' or 'mean', got {pooling!r}")
        self.layout = get_layout(layout)
        self.num_joints, self.in_channels = self.layout.num_joints, in_channels
        self.dropout, self.bodies, self.pooling = dropout, bodies, pooling
        self.max_bodies, self.hidden_channels = max_bodies, hidden_channels
        self.out_channels = hidden_channels * (1 + bidirectional)
        width = in_channels * self.num_joints * (max_bodies if bodies == 'concatenate' else 1)
        self.input_norm = nn.BatchNorm1d(width)
        self.layers = nn.ModuleList(
            nn.GRU(self.out_channels if i else width, hidden_channels, bidirectional=bidirectional)
            for i in range(num_layers)
        )

    def forward(self, x: Tensor) -> Features:
        _, c, _, v, m = x.shape
        if (c, v) != (self.in_channels, self.num_joints):
            raise ValueError(
                f'GRU expects {self.in_channels} channels and {self.num_joints} joints '
                f'({self.layout.name}), got input of shape {tuple(x.shape)} in the order (N, C, T, V, M)'
            )
        if self.bodies == 'concatenate':
            if m > self.max_bodies:
                raise ValueError(
                    f'GRU was built for max_bodies={self.max_bodies}, got input of shape {tuple(x.shape)} '
                    'in the order (N, C, T, V, M); raise max_bodies'
                )
            x = nn.functional.pad(x, (0, self.max_bodies - m))
            states = self.states(x.permute(2, 0, 4, 3, 1).flatten(2))  # (T, N, D)
            expanded = states.permute(1, 2, 0)[..., None, None].expand(-1, -1, -1, -1, m)
            return Features(self.pool(states), map=expanded)
        bodies = Bodies.present(x)
        states = self.states(bodies.take(x).permute(3, 0, 1, 2).flatten(2))  # (T, bodies, D)
        by_body = bodies.put(states.permute(2, 0, 1)[..., None])
        return Features(bodies.mean(self.pool(states)), map=by_body)

    def states(self, x: Tensor) -> Tensor:
        """The last layer's states (T, B, D) of frames (T, B, F), forward direction first."""
        x = self.input_norm(x.flatten(0, 1)).view_as(x)
        for i, layer in enumerate(self.layers):
            x = dropout(x, self.dropout if i else 0.0, self.training)
            x = run_layer(cast(nn.GRU, layer), x)
        return x

    def pool(self, states: Tensor) -> Tensor:
        """(T, B, D) to (B, D)."""
        if self.pooling == 'mean':
            return states.mean(dim=0)
        width = self.hidden_channels
        return torch.cat([states[-1, :, :width], states[0, :, width:]], dim=1)
