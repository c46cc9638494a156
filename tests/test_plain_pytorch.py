"""The pieces work without the Runner: policy, backbone, queue and head in a plain PyTorch loop."""

from __future__ import annotations

import torch
from torch import Tensor

from skelreg.augmentations.policies import GrowingPolicy
from skelreg.backbones.stgcn import STGCN
from skelreg.functional.streams import to_stream
from skelreg.graphs import get_layout
from skelreg.heads.hierarchical import HierarchicalConsistencyHead
from skelreg.learner.feature_queue import FeatureQueue
from skelreg.learner.key_encoder import KeyEncoder
from skelreg.structures import Step


def train(skeletons: Tensor, steps: int = 3) -> list[float]:
    """HiCLR's objective on skeletons (N, C, T, V, M), without a config or a Runner."""
    basic, strong = [dict(type='Shear'), dict(type='TemporalCrop')], [dict(type='Rotate'), dict(type='JointMask')]
    policy = GrowingPolicy(stages=[basic, strong], key=basic)
    backbone, head = STGCN(layout='ntu_rgbd', hidden_channels=4), HierarchicalConsistencyHead(temperature=0.1)
    encoder = torch.nn.ModuleDict({'backbone': backbone, 'projector': torch.nn.Linear(backbone.out_channels, 32)})
    keys, queue = KeyEncoder(encoder, momentum=0.99), FeatureQueue(size=64, channels=32)
    optimizer = torch.optim.SGD([*encoder.parameters(), *policy.parameters()], lr=0.01, momentum=0.9)
    losses = []
    for _ in range(steps):
        views = policy(skeletons, stream=lambda x: to_stream(x, 'bone', get_layout('ntu_rgbd')))
        step = Step(
            views, encode=lambda view: backbone(view.skeleton), project=encoder['projector'], encode_key=keys,
            negatives=queue.features.clone(),
        )
        loss = sum(head(step).losses.values())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        keys.update(encoder)
        queue.enqueue(step.keys)
        losses.append(loss.item())
    return losses


def test_a_plain_loop_trains_policy_backbone_and_head() -> None:
    torch.manual_seed(0)
    losses = train(torch.randn(8, 3, 16, 25, 2))
    assert len(losses) == 3 and all(0 < loss < 100 for loss in losses)
