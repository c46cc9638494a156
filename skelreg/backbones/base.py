"""The contract of backbones."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar

from torch import Tensor, nn

from ..errors import PluginError
from ..provenance import title_of
from ..structures import Features, View


class Backbone(nn.Module, ABC):
    """Encodes skeleton sequences.

    Attributes:
        out_channels: D, the length of the pooled feature vector.
        num_joints: V that the backbone expects, or None if it takes any.
        in_channels: C that the backbone expects.
        takes_edges: Whether `forward` has a second argument `edges`, an `EdgePerturbation` or None,
            and applies it to the graph of every block.
    """

    takes_edges: ClassVar[bool] = False
    out_channels: int
    num_joints: int | None
    in_channels: int

    @abstractmethod
    def forward(self, x: Tensor) -> Features:
        """Encode x (N, C, T, V, M); an absent body is all zeros."""

    def encode(self, view: View) -> Features:
        """Encode a view, with its perturbation of edges if it has one."""
        options: dict[str, Any] = {} if view.edges is None else {'edges': view.edges}
        features: Features = self(view.skeleton, **options)
        expected = (len(view.skeleton), self.out_channels)
        if not isinstance(features, Features) or features.pooled.shape != expected:
            raise PluginError(
                f'{title_of(self)} returns something else than it should',
                got=f'pooled of shape {tuple(features.pooled.shape)}' if isinstance(features, Features)
                else type(features).__name__,
                accepted=f'Features with pooled of shape (N, out_channels) = {expected}',
                where=f'backbone, on input of shape {tuple(view.skeleton.shape)}',
                fix='mend the backbone; skelreg.testing.check_backbone names every clause of the contract',
            )
        return features


def compile_backbones(model: nn.Module, **settings: Any) -> None:
    """Compile every backbone of a model in place, the key encoder's too; settings as of `torch.compile`."""
    for part in model.modules():
        if isinstance(part, Backbone):
            part.compile(**settings)
