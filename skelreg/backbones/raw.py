"""No encoder at all: the coordinates themselves, a baseline that every method must beat."""

from __future__ import annotations

from torch import Tensor

from ..graphs import SkeletonLayout, get_layout
from ..registry import BACKBONES
from ..structures import Features
from .base import Backbone


@BACKBONES.register_module()
class RawCoordinates(Backbone):
    """Hands the stream on as one long vector; it has no parameters, so that nothing is to be loaded.

    Args:
        num_frames: T of the data.
        max_bodies: M of the data.
        layout: Name of the skeleton layout, or the layout.
        in_channels: C of the data.
    Shape:
        x: (N, C, T, V, M); pooled: (N, C * T * V * M); no map.
    """

    def __init__(
        self,
        num_frames: int,
        max_bodies: int,
        layout: str | SkeletonLayout = 'ntu_rgbd',
        in_channels: int = 3,
    ) -> None:
        super().__init__()
        self.layout, self.in_channels = get_layout(layout), in_channels
        self.num_joints = self.layout.num_joints
        self.shape = (in_channels, num_frames, self.num_joints, max_bodies)
        self.out_channels = in_channels * num_frames * self.num_joints * max_bodies

    def forward(self, x: Tensor) -> Features:
        if x.shape[1:] != self.shape:
            raise ValueError(f'RawCoordinates expects (C, T, V, M) = {self.shape}, got {tuple(x.shape[1:])}')
        return Features(x.flatten(1))
