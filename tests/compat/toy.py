"""A tiny training on the real runner: one layer, dropout, augmentation noise, momentum."""

from __future__ import annotations

import os
import random
import signal
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.model import BaseModel
from torch import Tensor, nn
from torch.utils.data import Dataset

from skelreg.compat.amp import AutocastOptimWrapper
from skelreg.compat.checkpoint import DurableCheckpointHook
from skelreg.compat.files import load_file
from skelreg.compat.runner import SkelregRunner


class Points(Dataset):
    """16 points; `noisy` draws from all three generators, as careless datasets do."""

    layout = 'toy'

    def __init__(self, noisy: bool = False) -> None:
        self.noisy = noisy
        self.values = torch.linspace(-1, 1, 16 * 6).reshape(16, 6)

    def __len__(self) -> int:
        return len(self.values)

    def __getitem__(self, index: int) -> dict[str, Any]:
        noise = torch.rand(6) + random.random() + np.random.rand() if self.noisy else 0
        return {'inputs': self.values[index] + noise}


class Layer(BaseModel):
    """Dropout and noise from every generator, then one linear layer with batch norm."""

    def __init__(self, width: int = 4) -> None:
        super().__init__()
        self.backbone = nn.Sequential(nn.Linear(6, width), nn.BatchNorm1d(width), nn.Dropout(0.5))
        self.register_buffer('queue', torch.zeros(3))
        self.types: list[torch.dtype] = []
        self.draws: list[float] = []
        self.told = 0

    def after_pretrained(self) -> None:
        self.told += 1

    def forward(self, inputs: Tensor | list[Tensor], mode: str = 'tensor') -> Any:
        x = torch.stack(list(inputs))
        x = x + torch.randn_like(x) * 0.1 + random.random() + np.random.rand()
        y = self.backbone[0](x)
        self.types.append(y.dtype)
        self.draws.append(float(x.sum()))
        y = self.backbone[2](self.backbone[1](y.float()))
        return {'loss': (y - 1).square().mean()}


class Counting(torch.optim.SGD):
    """Keeps what it has counted in its groups, as some optimizers do."""

    def step(self, closure: Any = None) -> Any:
        for group in self.param_groups:
            group['counted'] = group.get('counted', 0) + 1
        return super().step(closure)


def seeded_layer(width: int = 4) -> Layer:
    torch.manual_seed(0)
    return Layer(width)


def runner(
    work_dir: Path,
    *,
    epochs: int = 4,
    schedule: Any = None,
    amp: bool = False,
    keep: int = 2,
    workers: int = 0,
    noisy: bool = False,
    width: int = 4,
    optimizer: dict[str, Any] | None = None,
    paramwise: dict[str, Any] | None = None,
    train_cfg: dict[str, Any] | None = None,
    **arguments: Any,
) -> SkelregRunner:
    """Four iterations an epoch, or what `train_cfg` says."""
    by_epoch = train_cfg is None
    return SkelregRunner(
        seeded_layer(width),
        str(work_dir),
        train_dataloader=dict(
            dataset=Points(noisy),
            batch_size=4,
            num_workers=workers,
            sampler=dict(type='DefaultSampler' if by_epoch else 'InfiniteSampler', shuffle=True),
        ),
        train_cfg=train_cfg or dict(by_epoch=True, max_epochs=epochs),
        optim_wrapper=dict(
            type=AutocastOptimWrapper if amp else 'OptimWrapper',
            optimizer=optimizer or dict(type='SGD', lr=0.1, momentum=0.9),
            paramwise_cfg=paramwise,
        ),
        param_scheduler=schedule or [dict(type='MultiStepLR', milestones=[3], end=epochs)],
        default_hooks=dict(checkpoint=DurableCheckpointHook(by_epoch=by_epoch, max_keep_ckpts=keep)),
        default_scope='mmengine',
        log_level='ERROR',
        **arguments,
    )


def weights(work_dir: Path, name: str) -> dict[str, Tensor]:
    """Model and momentum of the checkpoint `name`."""
    saved = load_file(work_dir / f'{name}.pth')
    momenta = {f'momentum.{k}': v['momentum_buffer'] for k, v in saved['optimizer']['state'].items()}
    return {**saved['state_dict'], **momenta}


def assert_same(first: dict[str, Tensor], second: dict[str, Tensor]) -> None:
    assert first.keys() == second.keys()
    different = [key for key in first if not torch.equal(first[key], second[key])]
    assert not different, different


def train_until_killed(work_dir: Path, target: str, call: int, after: bool) -> None:
    """Train with one checkpoint kept, and be killed at a given call of something that saving uses."""
    torch.set_num_threads(1)
    training = runner(work_dir, keep=1)
    owner = {'save': torch, 'unlink': Path}.get(target, os)
    original = getattr(owner, target)
    calls = 0

    def deadly(*arguments: Any, **options: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == call:
            if target == 'save':
                arguments[1].write(b'PK\x03\x04 half a checkpoint')
                arguments[1].flush()
            elif after:
                original(*arguments, **options)
            os.kill(os.getpid(), signal.SIGKILL)
        return original(*arguments, **options)

    setattr(owner, target, deadly)
    training.train()


def train_in_a_group(work_dir: Path, rank: int, environment: dict[str, str], launcher: str) -> None:
    """One process of a gloo group; writes its final weights and its random draws."""
    torch.set_num_threads(1)
    os.environ.update(environment)
    training = runner(work_dir, epochs=1, launcher=launcher)
    training.train()
    model = training.model.module
    torch.save({'weights': model.state_dict(), 'draws': model.draws}, work_dir / f'rank_{rank}.pt')
