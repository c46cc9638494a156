"""Prediction of the motion of what is hidden."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from skelreg.errors import ConfigError
from skelreg.functional.augment import present_bodies
from skelreg.graphs import SkeletonLayout, get_layout
from skelreg.registry import AUGMENTATIONS, REGULARIZERS
from skelreg.regularizers.base import Regularizer
from skelreg.structures import Step, Terms, View

from .maths import motion, standardise


@REGULARIZERS.register_module()
class MaskedMotionPrediction(Regularizer):
    """The encoder sees the weakest view with most of it hidden; a decoder tells how the hidden parts move.

    The loss is the mean squared error of the motion over the hidden places of bodies that are there. It
    stands alone or beside any other term, HiCLR's say; the encoder must keep a feature map.

    Reference: MAMP, Mao et al., ICCV 2023; a small decoder on the feature map in the place of their five
    transformer blocks.

    Args:
        mask: Config of the augmentation that hides something; MotionAwareMask if None. It must draw a
            `mask`, as JointMask, FrameMask, PartMask and BlockMask do.
        stride: Frames from one end of a motion to the other.
        standardised: Predict motion that is standardised in each cell, so that quick and slow joints count
            alike.
        frames_per_cell: Frames that a place of the feature map stands for, at least T / T'.
        decoder_channels: Width of the decoder.
        encodes_whole: Encode the view without its mask too, for the sake of the statistics that batch norm
            keeps for tests. Set it where no other term encodes the views.
        feature_channels: D; the learner supplies it.
        in_channels: C of the data; the learner supplies it.
        layout: The learner supplies it.
    """

    def __init__(
        self,
        feature_channels: int,
        mask: Mapping[str, Any] | None = None,
        stride: int = 1,
        standardised: bool = True,
        frames_per_cell: int = 4,
        decoder_channels: int = 128,
        encodes_whole: bool = False,
        in_channels: int = 3,
        layout: str | SkeletonLayout = 'ntu_rgbd',
    ) -> None:
        super().__init__()
        if min(stride, frames_per_cell, decoder_channels) < 1:
            raise ValueError(
                'stride, frames_per_cell and decoder_channels must be at least 1, got '
                f'{stride}, {frames_per_cell}, {decoder_channels}'
            )
        if standardised and frames_per_cell * in_channels < 2:
            raise ValueError('a cell of one number cannot be standardised; raise frames_per_cell')
        layout = get_layout(layout)
        self.needs = frozenset({'extra_views', *(['features'] if encodes_whole else [])})
        self.stride, self.standardised, self.encodes_whole = stride, standardised, encodes_whole
        self.frames_per_cell, self.in_channels = frames_per_cell, in_channels
        self.mask = AUGMENTATIONS.build(mask or {'type': 'MotionAwareMask'}, where='mask', layout=layout)
        self.embed = nn.Linear(feature_channels, decoder_channels)
        self.joints = nn.Parameter(0.02 * torch.randn(layout.num_joints, 1, decoder_channels))
        self.decode = nn.Sequential(
            nn.GELU(),
            nn.Linear(decoder_channels, decoder_channels),
            nn.GELU(),
            nn.Linear(decoder_channels, frames_per_cell * in_channels),
        )

    def forward(self, step: Step) -> Terms:
        whole = step.views[0].skeleton
        drawn = self.mask.sample(whole)
        if 'mask' not in drawn:
            raise ConfigError(
                f'{type(self.mask).__name__} draws no mask', got=f'it draws {sorted(drawn)}',
                accepted='MotionAwareMask, JointMask, FrameMask, PartMask, BlockMask',
                where='MaskedMotionPrediction.mask', fix='take an augmentation whose sample gives a `mask`',
            )
        if self.encodes_whole:
            _ = step.features
        seen = self.mask.apply(whole, **drawn)
        predicted = self.predict(step.of(View('masked', seen)).features[0].map, whole)
        target = motion(whole.float(), self.stride)
        if self.standardised:
            target = standardise(target, self.frames_per_cell)
        hidden = drawn['mask'][:, None, :, :, None] & present_bodies(whole)  # (N, 1, T, V, M)
        error = (predicted.float() - target).square() * hidden
        count = hidden.sum().clamp(min=1)
        hidden_share = hidden.sum() / present_bodies(whole).expand_as(hidden).sum().clamp(min=1)
        return Terms({'motion': error.sum() / (count * self.in_channels)}, {'hidden': hidden_share})

    def predict(self, features: Tensor | None, whole: Tensor) -> Tensor:
        """Motion of the shape of whole (N, C, T, V, M), from a feature map (N, D, T', V or 1, M or 1)."""
        _, _, t, v, m = whole.shape
        if features is None or features.shape[2] * self.frames_per_cell < t:
            raise ConfigError(
                'the feature map cannot hold the motion',
                got='no map' if features is None else f"T' = {features.shape[2]} places for {t} frames",
                accepted=f"a map (N, D, T', V, M) with T' * {self.frames_per_cell} >= {t}",
                where='MaskedMotionPrediction',
                fix='take a backbone with a feature map, or raise frames_per_cell',
            )
        features = features.expand(-1, -1, -1, v, m)
        hidden = self.embed(features.permute(0, 2, 3, 4, 1)) + self.joints  # (N, T', V, M, width)
        cells = self.decode(hidden).unflatten(-1, (self.in_channels, self.frames_per_cell))
        frames = cells.permute(0, 4, 1, 5, 2, 3).flatten(2, 3)  # (N, C, T' * frames_per_cell, V, M)
        return frames[:, :, :t]
