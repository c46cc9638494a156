"""A learner, a dataset and a Runner small enough to train in milliseconds."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from mmengine.runner import Runner
from torch import Tensor, nn

from skelreg.augmentations.base import Augmentation, Policy
from skelreg.backbones.base import Backbone
from skelreg.learner.learner import Learner
from skelreg.necks.classifier import LinearClassifier
from skelreg.necks.projection import MLPProjection
from skelreg.structures import Features, MultiView, View

JOINTS = 25


class ToyBackbone(Backbone):
    """Mean over time and persons, batch norm, one linear layer."""

    in_channels, num_joints = 3, JOINTS

    def __init__(self, out_channels: int = 8) -> None:
        super().__init__()
        self.out_channels = out_channels
        self.norm = nn.BatchNorm1d(3 * JOINTS)
        self.linear = nn.Linear(3 * JOINTS, out_channels)
        self.dropout = nn.Dropout(0.5)
        self.calls = 0

    def forward(self, x: Tensor) -> Features:
        self.calls += 1
        return Features(self.dropout(self.linear(self.norm(x.mean(dim=(2, 4)).flatten(1))).relu()))


class ToyDataset:
    """Sequences around one centre per class, as `SkeletonDataset` hands them out."""

    class_names = ('wave', 'jump', 'sit', 'fall', 'clap')
    is_synthetic = True

    def __init__(self, length: int = 37, seed: int = 0) -> None:
        generator = torch.Generator().manual_seed(seed)
        centres = torch.randn(5, 3, 4, JOINTS, 2, generator=torch.Generator().manual_seed(99))
        self.labels = torch.randint(5, (length,), generator=generator)
        noise = torch.randn(length, 3, 4, JOINTS, 2, generator=generator)
        self.inputs = centres[self.labels] + 2 * noise
        self.fingerprint = f'toy-{length}-{seed}'
        self.metainfo = {'dataset': 'toy', 'split': 'xsub', 'subset': 'test', 'classes': self.class_names}

    def __len__(self) -> int:
        return len(self.labels)

    def __getitems__(self, indices: list[int]) -> dict[str, Tensor]:
        rows = torch.tensor(indices)
        return {
            'inputs': self.inputs[rows],
            'lengths': torch.full((len(rows),), 4),
            'bodies': torch.full((len(rows),), 2),
            'labels': self.labels[rows],
            'index': rows,
        }


def toy_learner(seed: int = 0, **arguments: Any) -> Learner:
    """A linear probe on a frozen toy backbone, unless told otherwise."""
    torch.manual_seed(seed)
    settings = dict(
        backbone=ToyBackbone(),
        classifier=LinearClassifier(in_channels=8, num_classes=5),
        heads=dict(classification=dict(type='ClassificationHead')),
        frozen=('backbone',),
    )
    return Learner(**{**settings, **arguments})


class ToyPolicy(Policy):
    """One noisy view and a noisy key."""

    num_views, has_key = 1, True

    def forward(
        self, x: Tensor, stream: Callable[[Tensor], Tensor], generator: torch.Generator | None = None
    ) -> MultiView:
        view, key = (x + 0.1 * torch.randn_like(x) for _ in range(2))
        return MultiView((View('stage_0', stream(view)),), View('key', stream(key)))

    def recipe(self) -> list[tuple[str, list[Augmentation]]]:
        return [('key', []), ('stage_0', [])]


def contrastive_learner(projector: Any = None, **arguments: Any) -> Learner:
    """SkeletonCLR on the toy backbone, with a queue of 16."""
    settings = dict(
        classifier=None, frozen=(), projector=projector or MLPProjection(8, out_channels=8),
        key_encoder=dict(momentum=0.9), queue=dict(size=16), heads=dict(contrast=dict(type='InfoNCEHead')),
        data_preprocessor=dict(type='SkeletonPreprocessor', policy=ToyPolicy()),
    )
    return toy_learner(**{**settings, **arguments})


def keep_batch(batch: dict[str, Tensor]) -> dict[str, Tensor]:
    return batch


def loader(
    dataset: Any, batch_size: int = 8, shuffle: bool = False, drop_last: bool = False
) -> dict[str, Any]:
    return dict(
        dataset=dataset, batch_size=batch_size, num_workers=0, drop_last=drop_last,
        sampler=dict(type='DefaultSampler', shuffle=shuffle), collate_fn=dict(type=keep_batch),
    )


def toy_runner(work_dir: Path, model: Any, name: str = 'toy', **arguments: Any) -> Runner:
    """A Runner for the parts that are given; silent, seeded, without checkpoints."""
    settings: dict[str, Any] = dict(
        model=model, work_dir=str(work_dir), default_scope='skelreg', log_level='ERROR',
        experiment_name=f'{work_dir.name}-{name}', randomness=dict(seed=0),
        default_hooks=dict(logger=None, checkpoint=None),
    )
    return Runner(**{**settings, **arguments})


def training(dataset: Any, epochs: int = 3, lr: float = 1.0, drop_last: bool = False) -> dict[str, Any]:
    """The Runner's arguments for a short linear protocol."""
    return dict(
        train_dataloader=loader(dataset, shuffle=True, drop_last=drop_last),
        train_cfg=dict(type='FrozenFeatureTrainLoop', max_epochs=epochs),
        optim_wrapper=dict(type='OptimWrapper', optimizer=dict(type='SGD', lr=lr, momentum=0.9)),
        param_scheduler=dict(type='MultiStepLR', milestones=[2], by_epoch=True),
    )
