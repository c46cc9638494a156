"""From a batch of raw skeletons to ordered views, on the device."""

from __future__ import annotations

from typing import Any, Literal

import torch
from mmengine.model import BaseDataPreprocessor
from torch import Tensor, nn

from ..functional.frames import segment_centers, segment_frames, take_frames
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
        num_frames: Look at so many frames of every sequence: of as many equal segments one random frame each
            in training, and else the middle one. The dataset gives whole sequences then (its
            `num_frames=None`). None takes the frames as they come.
        layout: Name of the skeleton layout, or the layout.
    """

    def __init__(
        self,
        policy: dict[str, Any] | None = None,
        stream: Stream = 'joint',
        stream_first: bool = False,
        num_frames: int | None = None,
        layout: str | SkeletonLayout = 'ntu_rgbd',
    ) -> None:
        super().__init__()
        if stream not in ('joint', 'bone', 'motion'):
            raise ValueError(f"stream must be 'joint', 'bone' or 'motion', got {stream!r}")
        if num_frames is not None and num_frames < 1:
            raise ValueError(f'num_frames must be at least 1 or None, got {num_frames}')
        self.layout, self.stream, self.stream_first = get_layout(layout), stream, stream_first
        self.num_frames = num_frames
        self.policy = None if policy is None else POLICIES.build(policy, where='policy', layout=self.layout)

    def forward(self, data: dict[str, Any], training: bool = False) -> dict[str, Any]:
        """Replace `inputs` (N, C, T, V, M) by `multi_view`; everything else travels on.

        A batch that holds `pooled` features of a frozen encoder instead of `inputs` is only moved.
        """
        batch = dict(self.cast_data(data))
        if 'pooled' not in batch:
            x = self.choose_frames(batch.pop('inputs'), batch.get('lengths'), training)
            batch['multi_view'] = self.make_views(x, training)
        return batch

    def choose_frames(self, x: Tensor, lengths: Tensor | None, training: bool) -> Tensor:
        """The frames of x (N, C, T, V, M) to look at, of the first `lengths` (N,); random in training."""
        if self.num_frames is None:
            return x
        if lengths is None:
            lengths = torch.full((len(x),), x.shape[2], device=x.device)
        choose = segment_frames if training else segment_centers
        return take_frames(x, choose(lengths, self.num_frames))

    def make_views(self, x: Tensor, training: bool) -> MultiView:
        """The policy's views of x (N, C, T, V, M) in training, else one plain view."""
        return self.views_by(self.policy if training else None, x)

    def views_by(self, policy: nn.Module | None, x: Tensor) -> MultiView:
        """The views that a policy makes of x (N, C, T, V, M), in this stream; None makes one plain view."""
        if self.stream_first:
            x = self.to_stream(x)
        stream = _unchanged if self.stream_first else self.to_stream
        if policy is not None:
            return policy(x, stream)
        return MultiView((View('plain', stream(x)),))

    def to_stream(self, x: Tensor) -> Tensor:
        """Coordinates to joint, bone or motion."""
        return to_stream(x, self.stream, self.layout)


def _unchanged(x: Tensor) -> Tensor:
    return x
