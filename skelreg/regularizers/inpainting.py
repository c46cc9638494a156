"""Reconstruction of hidden parts of a skeleton sequence."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import torch
from torch import Tensor

from ..errors import ConfigError
from ..functional.augment import present_bodies
from ..graphs import SkeletonLayout, get_layout
from ..registry import AUGMENTATIONS, REGULARIZERS
from ..structures import Step, Terms, View
from .base import Sequences, SequenceTerm
from .decoder import RecurrentDecoder


@REGULARIZERS.register_module()
class SkeletonInpainting(SequenceTerm):
    """The encoder sees a sequence with a part hidden, and a decoder puts the whole sequence back together.

    The loss is the mean squared error against the sequence before masking, over coordinates of bodies
    that are there: a mean, because the sum over thousands of coordinates would drown every other term.

    Args:
        max_bodies: M of the data.
        mask: Config of the augmentation that hides something: `BlockMask`, `FrameMask`, `JointMask`,
            `PartMask`, or any other.
        region: 'all' scores the whole sequence, as ASSL does; 'masked' only what was hidden.
        sequences: 'unlabelled' or 'all'.
        decoder_channels: Width of the decoder's GRU layers.
        decoder_layers: How many it has.
        feature_channels: D of the pooled features; the learner supplies it.
        in_channels: C of the data; the learner supplies it.
        layout: The learner supplies it.
    """

    needs = frozenset({'extra_views', 'unlabelled'})

    def __init__(
        self,
        feature_channels: int,
        max_bodies: int = 1,
        mask: Mapping[str, Any] | None = None,
        region: Literal['all', 'masked'] = 'all',
        sequences: Sequences = 'unlabelled',
        decoder_channels: int = 512,
        decoder_layers: int = 2,
        in_channels: int = 3,
        layout: str | SkeletonLayout = 'ntu_rgbd',
    ) -> None:
        super().__init__(sequences)
        if region not in ('all', 'masked'):
            raise ValueError(f"region must be 'all' or 'masked', got {region!r}")
        self.region, self.max_bodies = region, max_bodies
        layout = get_layout(layout)
        self.mask = AUGMENTATIONS.build(mask or {'type': 'BlockMask'}, where='mask', layout=layout)
        shape = (in_channels, layout.num_joints, max_bodies)
        self.decoder = RecurrentDecoder(feature_channels, shape, decoder_channels, decoder_layers)

    def forward(self, step: Step) -> Terms:
        whole = step.views[0].skeleton[self.rows(step)]
        _, c, t, v, m = whole.shape
        if (c, v, m) != self.decoder.shape:
            raise ConfigError(
                'the decoder is built for skeletons of another shape',
                got=f'(C, V, M) = {(c, v, m)}', accepted=f'{self.decoder.shape}',
                where='SkeletonInpainting.max_bodies', fix=f'set max_bodies={m}',
            )
        if not len(whole):
            zero = sum(parameter.sum() * 0 for parameter in self.parameters())
            return Terms({'reconstruction': torch.as_tensor(zero)})
        masked = self.mask(whole)
        found = self.decoder(step.of(View('masked', masked)).features[0].pooled, t)
        scored = present_bodies(whole).expand_as(whole)
        if self.region == 'masked':
            scored = scored & (masked != whole).any(dim=1, keepdim=True)
        return Terms({'reconstruction': masked_mean_square(found - whole, scored)})


def masked_mean_square(error: Tensor, scored: Tensor) -> Tensor:
    """Mean of the squares of the scored elements, zero where there is none; scalar in float32."""
    return (error.float().square() * scored).sum() / scored.sum().clamp(min=1)
