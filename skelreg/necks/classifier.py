"""Classifiers."""

from __future__ import annotations

from torch import Tensor, nn

from ..registry import NECKS
from .base import Neck


@NECKS.register_module()
class LinearClassifier(Neck):
    """One linear layer.

    Args:
        in_channels: D of the input.
        num_classes: How many classes.
        standardize: Give every feature mean 0 and variance 1 over the training data first (batch norm
            without weights, statistics averaged over all of training), so that one learning rate fits
            encoders whose features differ in scale.
    Shape:
        x: (N, D); output: (N, num_classes).
    """

    def __init__(self, in_channels: int, num_classes: int, standardize: bool = False) -> None:
        super().__init__()
        if num_classes < 2:
            raise ValueError(f'num_classes must be >= 2, got {num_classes}')
        self.in_channels, self.out_channels = in_channels, num_classes
        self.standardize: nn.Module = (
            nn.BatchNorm1d(in_channels, affine=False, momentum=None) if standardize else nn.Identity()
        )
        self.linear = nn.Linear(in_channels, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        return self.linear(self.standardize(x))


@NECKS.register_module()
class MLPClassifier(Neck):
    """Linear, ReLU, dropout, linear.

    Args:
        in_channels: D of the input.
        num_classes: How many classes.
        hidden_channels: Width between the two layers; None takes in_channels.
        dropout: Probability behind the first layer.
    Shape:
        x: (N, D); output: (N, num_classes).
    """

    def __init__(
        self, in_channels: int, num_classes: int, hidden_channels: int | None = None, dropout: float = 0.5
    ) -> None:
        super().__init__()
        hidden = in_channels if hidden_channels is None else hidden_channels
        if num_classes < 2 or hidden < 1:
            raise ValueError(
                f'num_classes must be >= 2 and hidden_channels >= 1, got {num_classes} and {hidden}'
            )
        self.in_channels, self.out_channels = in_channels, num_classes
        self.layers = nn.Sequential(
            nn.Linear(in_channels, hidden), nn.ReLU(), nn.Dropout(dropout), nn.Linear(hidden, num_classes)
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(x)
