"""The contract of necks."""

from __future__ import annotations

from abc import ABC, abstractmethod

from torch import Tensor, nn


class Neck(nn.Module, ABC):
    """Maps vectors to vectors: projector, translation layer, classifier.

    Attributes:
        in_channels: D of the input.
        out_channels: D' of the output.
    """

    in_channels: int
    out_channels: int

    @abstractmethod
    def forward(self, x: Tensor) -> Tensor:
        """Map (N, in_channels) to (N, out_channels)."""
