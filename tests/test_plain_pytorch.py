"""The pieces work without the Runner: policy, backbone, queue and head in a plain PyTorch loop."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from skelreg.augmentations.policies import GrowingPolicy
from skelreg.backbones.stgcn import STGCN
from skelreg.heads.hierarchical import HierarchicalConsistencyHead
from skelreg.learner.feature_queue import FeatureQueue
from skelreg.learner.key_encoder import KeyEncoder
from skelreg.structures import Step


def pretrain(batches: list[Tensor]) -> tuple[nn.ModuleDict, GrowingPolicy]:
    """HiCLR on batches of skeletons (N, C, T, V, M), without a config and without a Runner."""
    policy = GrowingPolicy(key=[dict(type='Shear')], stages=[[dict(type='Shear')], [dict(type='JointMask')]])
    backbone, projector = STGCN(hidden_channels=4, out_channels=32), nn.Linear(32, 16)
    encoder = nn.ModuleDict({'backbone': backbone, 'projector': projector})
    keys, queue, head = KeyEncoder(encoder), FeatureQueue(64, channels=16), HierarchicalConsistencyHead()
    optimizer = torch.optim.SGD([*encoder.parameters(), *policy.parameters()], lr=0.1)
    for skeletons in batches:
        step = Step(
            policy(skeletons, stream=lambda joints: joints),
            encode=lambda view: backbone(view.skeleton),
            project=projector,
            encode_key=keys,
            negatives=queue.features.clone(),
        )
        loss = sum(head(step).losses.values())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        keys.update(encoder)
        queue.enqueue(step.keys)
    return encoder, policy


def test_a_plain_loop_trains_backbone_projector_and_policy() -> None:
    batches = [torch.randn(8, 3, 16, 25, 2) for _ in range(2)]
    torch.manual_seed(1)
    untrained, _ = pretrain([])
    torch.manual_seed(1)
    encoder, policy = pretrain(batches)
    weights = [name for name in untrained.state_dict() if name.endswith('weight')]
    assert not any(torch.equal(untrained.state_dict()[name], encoder.state_dict()[name]) for name in weights)
    assert policy.stages[1][0].fill != 0
