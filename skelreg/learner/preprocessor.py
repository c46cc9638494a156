"""From a batch of raw skeletons to ordered views, on the device."""

from __future__ import annotations

from typing import Any, Literal

import torch
from mmengine.model import BaseDataPreprocessor
from torch import Generator, Tensor, nn

from ..errors import ConfigError
from ..functional.frames import segment_centers, segment_frames, take_frames
from ..functional.global_batch import GlobalBatchGenerator
from ..functional.streams import to_stream
from ..graphs import SkeletonLayout, get_layout
from ..registry import MODELS, POLICIES, current_path
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
        global_draws: Draw frames and augmentations for the batch of all ranks together, and take this rank's
            rows: W processes then see what one process with W times the batch size sees, if it has this set
            too. Sequences must be of one length, or `num_frames` set. By default every rank draws for itself.

    Raises:
        ConfigError: If `global_draws` meets an augmentation that mixes the sequences of a batch.
    """

    def __init__(
        self,
        policy: dict[str, Any] | None = None,
        stream: Stream = 'joint',
        stream_first: bool = False,
        num_frames: int | None = None,
        layout: str | SkeletonLayout = 'ntu_rgbd',
        global_draws: bool = False,
    ) -> None:
        super().__init__()
        if stream not in ('joint', 'bone', 'motion'):
            raise ValueError(f"stream must be 'joint', 'bone' or 'motion', got {stream!r}")
        if num_frames is not None and num_frames < 1:
            raise ValueError(f'num_frames must be at least 1 or None, got {num_frames}')
        self.layout, self.stream, self.stream_first = get_layout(layout), stream, stream_first
        self.num_frames = num_frames
        self.policy = None if policy is None else POLICIES.build(policy, where='policy', layout=self.layout)
        self.global_draws = global_draws
        self._step_seed: int | None = None
        if global_draws:
            self._check_mixing()

    def forward(self, data: dict[str, Any], training: bool = False) -> dict[str, Any]:
        """Replace `inputs` (N, C, T, V, M) by `multi_view`; everything else travels on.

        A batch that holds `pooled` features of a frozen encoder instead of `inputs` is only moved.
        """
        batch = dict(self.cast_data(data))
        if 'pooled' not in batch:
            x = batch.pop('inputs')
            generator = self._generator(x) if training else None
            x = self.choose_frames(x, batch.get('lengths'), training, generator)
            batch['multi_view'] = self.make_views(x, training, generator)
        return batch

    def set_step_seed(self, seed: int) -> None:
        """What the next training batch is drawn with if `global_draws`; all ranks are told the same."""
        self._step_seed = seed

    def _generator(self, x: Tensor) -> Generator | None:
        if not self.global_draws:
            return None
        if self._step_seed is None:
            raise ValueError('global_draws=True needs set_step_seed(seed), alike on all ranks, before a step')
        return GlobalBatchGenerator(self._step_seed, len(x), x.device)

    def _check_mixing(self) -> None:
        made = [] if self.policy is None else self.policy.recipe()
        parts = (augmentation for _, augmentations in made for augmentation in augmentations)
        mixing = sorted({type(part).__name__ for part in parts if part.mixes or part.mixes_labels})
        if mixing:
            raise ConfigError(
                'global_draws=True is not for augmentations that mix the sequences of a batch: those of the '
                'other ranks are not here', got=', '.join(mixing), where=current_path('global_draws'),
                fix='remove global_draws, or the augmentation',
            )

    def choose_frames(
        self, x: Tensor, lengths: Tensor | None, training: bool, generator: Generator | None = None
    ) -> Tensor:
        """The frames of x (N, C, T, V, M) to look at, of the first `lengths` (N,); random in training."""
        if self.num_frames is None:
            return x
        if lengths is None:
            lengths = torch.full((len(x),), x.shape[2], device=x.device)
        if not training:
            return take_frames(x, segment_centers(lengths, self.num_frames))
        return take_frames(x, segment_frames(lengths, self.num_frames, generator))

    def make_views(self, x: Tensor, training: bool, generator: Generator | None = None) -> MultiView:
        """The policy's views of x (N, C, T, V, M) in training, else one plain view."""
        return self.views_by(self.policy if training else None, x, generator)

    def views_by(
        self, policy: nn.Module | None, x: Tensor, generator: Generator | None = None
    ) -> MultiView:
        """The views that a policy makes of x (N, C, T, V, M), in this stream; None makes one plain view."""
        if self.stream_first:
            x = self.to_stream(x)
        stream = _unchanged if self.stream_first else self.to_stream
        if policy is not None:
            return policy(x, stream, generator)
        return MultiView((View('plain', stream(x)),))

    def to_stream(self, x: Tensor) -> Tensor:
        """Coordinates to joint, bone or motion."""
        return to_stream(x, self.stream, self.layout)


def _unchanged(x: Tensor) -> Tensor:
    return x
