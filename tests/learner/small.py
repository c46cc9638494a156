"""A learner small enough to train in milliseconds."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from skelreg.backbones.base import Backbone
from skelreg.learner.learner import Learner
from skelreg.structures import Features

BASIC = [dict(type='Shear', amplitude=0.1)]
STAGES = [BASIC, [dict(type='Rotate')], [dict(type='JointMask')]]


class MeanPose(Backbone):
    """Mean over frames and bodies, batch norm, one linear layer."""

    num_joints = 25

    def __init__(self, in_channels: int = 3, out_channels: int = 8) -> None:
        super().__init__()
        self.in_channels, self.out_channels = in_channels, out_channels
        self.norm = nn.BatchNorm1d(in_channels * 25)
        self.linear = nn.Linear(in_channels * 25, out_channels)
        self.dropout = nn.Dropout(0.5)

    def forward(self, x: Tensor) -> Features:
        return Features(self.dropout(self.linear(self.norm(x.mean(dim=(2, 4)).flatten(1)))))


def learner(**arguments: Any) -> Learner:
    torch.manual_seed(0)
    return Learner(**{'backbone': dict(type=MeanPose), 'layout': 'ntu_rgbd', **arguments})


def policy(num_views: int, key: Any = BASIC) -> dict[str, Any]:
    """Config of a preprocessor that makes growing views."""
    growing = dict(type='GrowingPolicy', key=key, stages=STAGES[:num_views])
    return dict(type='SkeletonPreprocessor', policy=growing)


def contrastive(num_views: int = 3, **arguments: Any) -> Learner:
    settings: dict[str, Any] = dict(
        projector=dict(type='MLPProjection', out_channels=4),
        key_encoder=dict(momentum=0.9),
        queue=dict(size=16),
        heads=dict(contrast=dict(type='InfoNCEHead')),
        data_preprocessor=policy(num_views),
    )
    return learner(**{**settings, **arguments})


def key_and_query(model: Learner) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    return model.key_encoder.encoder.state_dict(), model.query_encoder().state_dict()


def is_same(first: dict[str, Tensor], second: dict[str, Tensor]) -> bool:
    return first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)


def run(model: Learner, n: int = 8, **more: Any) -> Any:
    """One batch through preprocessor and learner, in training."""
    batch = {'inputs': torch.randn(n, 3, 12, 25, 2), **more}
    return model(**model.data_preprocessor(batch, training=True), mode='loss')
