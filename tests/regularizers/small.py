"""Steps over a small real network, whose every part a test can look at."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from skelreg.structures import Features, MultiView, Step, TrainingSet, View

N, C, T, V, M, D, CLASSES, SEQUENCES = 6, 3, 4, 20, 1, 8, 5, 24


class Network(nn.Module):
    """Encoder, classifier and teacher of linear layers and one tanh."""

    def __init__(self, dropout: float = 0.0) -> None:
        super().__init__()
        torch.manual_seed(0)
        linear = nn.Linear(C * T * V * M, D)
        self.encoder = nn.Sequential(nn.Flatten(), linear, nn.Tanh(), nn.Dropout(dropout))
        self.classifier = nn.Linear(D, CLASSES)
        self.teacher = nn.Sequential(nn.Flatten(), nn.Linear(C * T * V * M, CLASSES))

    def encode(self, view: View) -> Features:
        return Features(self.encoder(view.skeleton))

    def logits(self, skeleton: Tensor) -> Tensor:
        logits: Tensor = self.classifier(self.encoder(skeleton))
        return logits

    def step(self, *skeletons: Tensor, labels: Tensor | None = None, index: Tensor | None = None) -> Step:
        """A step over given views; the labels default to half of the sequences unlabelled."""
        n = len(skeletons[0])
        default = torch.where(torch.arange(n) < n // 2, torch.arange(n) % CLASSES, -1)
        parts: dict[str, Any] = dict(encode=self.encode, classify=self.classifier)
        return Step(
            MultiView(tuple(View(f'stage_{i}', x) for i, x in enumerate(skeletons))),
            labels=default if labels is None else labels,
            index=torch.arange(n) if index is None else index,
            teach=lambda view: self.teacher(view.skeleton),
            extra=lambda view: Step(MultiView((view,)), **parts),
            **parts,
        )


def skeletons(n: int = N, seed: int = 1) -> Tensor:
    return torch.randn(n, C, T, V, M, generator=torch.Generator().manual_seed(seed))


def training_set(unlabelled: int = SEQUENCES, size: int = SEQUENCES, name: str = 'some data') -> TrainingSet:
    """The last sequences are the unlabelled ones."""
    return TrainingSet(torch.where(torch.arange(size) < size - unlabelled, 0, -1), name)


def is_zero(gradient: Tensor | None) -> bool:
    return gradient is None or not bool(gradient.any())
