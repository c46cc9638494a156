"""The contract of backbones."""

from __future__ import annotations

from abc import ABC, abstractmethod

from torch import Tensor, nn

from ..structures import Features


class Backbone(nn.Module, ABC):
    """Encodes skeleton sequences.

    Attributes:
        out_channels: D, the length of the pooled feature vector.
        num_joints: V that the backbone expects, or None if it takes any.
        in_channels: C that the backbone expects.
    """

    out_channels: int
    num_joints: int | None
    in_channels: int

    @abstractmethod
    def forward(self, x: Tensor) -> Features:
        """Encode x (N, C, T, V, M); an absent body is all zeros."""
