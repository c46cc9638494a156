"""From a batch of raw skeletons to ordered views, on the device."""

from __future__ import annotations

from typing import Any, Literal

from mmengine.model import BaseDataPreprocessor
from torch import Tensor

from ..functional.streams import to_stream
from ..graphs import SkeletonLayout, get_layout
from ..registry import MODELS, POLICIES
from ..structures import MultiView, View

Stream = Literal['joint', 'bone', 'motion']


@MODELS.register_module()
class SkeletonPreprocessor(BaseDataPreprocessor):
    """Moves a batch to the device, runs the augmentation policy and makes the stream.

    Args:
        policy: Config of the training views; None gives one plain view.
        stream: 'joint', 'bone' or 'motion'.
        stream_first: Make the stream before augmenting, as the release does when it fine-tunes.
        layout: Name of the skeleton layout, or the layout.
    """

    def __init__(
        self,
        policy: dict[str, Any] | None = None,
        stream: Stream = 'joint',
        stream_first: bool = False,
        layout: str | SkeletonLayout = 'ntu_rgbd',
    ) -> None:
        super().__init__()
        if stream not in ('joint', 'bone', 'motion'):
            raise ValueError(f"stream must be 'joint', 'bone' or 'motion', got {stream!r}")
        self.layout, self.stream, self.stream_first = get_layout(layout), stream, stream_first
        self.policy = None if policy is None else POLICIES.build(policy, where='policy', layout=self.layout)

    def forward(self, data: dict[str, Any], training: bool = False) -> dict[str, Any]:
        """Replace `inputs` (N, C, T, V, M) by `multi_view`; everything else travels on.

        A batch that holds `pooled` features of a frozen encoder instead of `inputs` is only moved.
        """
        batch = dict(self.cast_data(data))
        if 'pooled' not in batch:
            batch['multi_view'] = self.make_views(batch.pop('inputs'), training)
        return batch

    def make_views(self, x: Tensor, training: bool) -> MultiView:
        """The policy's views of x (N, C, T, V, M) in training, else one plain view."""
        if self.stream_first:
            x = self.to_stream(x)
        stream = _unchanged if self.stream_first else self.to_stream
        if training and self.policy is not None:
            return self.policy(x, stream)
        return MultiView((View('plain', stream(x)),))

    def to_stream(self, x: Tensor) -> Tensor:
        """Coordinates to joint, bone or motion."""
        return to_stream(x, self.stream, self.layout)


def _unchanged(x: Tensor) -> Tensor:
    return x
