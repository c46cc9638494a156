"""One defect for each clause of backbones and necks, and the check names the clause."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from skelreg.backbones.base import Backbone
from skelreg.necks.base import Neck
from skelreg.structures import Features
from skelreg.testing import ContractError, check_backbone, check_neck


class Sound(Backbone):
    """Mean over frames and bodies, then norm, dropout and a linear layer."""

    def __init__(self, in_channels: int = 3, width: int = 4) -> None:
        super().__init__()
        self.in_channels, self.num_joints, self.out_channels = in_channels, 25, width
        self.norm = nn.BatchNorm1d(in_channels * 25)
        self.linear = nn.Linear(in_channels * 25, width)

    def forward(self, x: Tensor) -> Features:
        return Features(self.linear(self.norm(x.mean(dim=(2, 4)).flatten(1))))


class NoAttribute(Sound):
    def __init__(self) -> None:
        super().__init__()
        del self.out_channels


class WrongChannels(Sound):
    def __init__(self) -> None:
        super().__init__(in_channels=2)


class Crashes(Sound):
    def forward(self, x: Tensor) -> Any:
        raise KeyError('no such joint')


class FixedFrames(Sound):
    def forward(self, x: Tensor) -> Features:
        return super().forward(x.view(len(x), 3, 16, 25, -1))


class BareTensor(Sound):
    def forward(self, x: Tensor) -> Any:
        return super().forward(x).pooled


class WrongShape(Sound):
    def forward(self, x: Tensor) -> Features:
        return Features(super().forward(x).pooled[:, :-1])


class WrongMap(Sound):
    def forward(self, x: Tensor) -> Features:
        return Features(super().forward(x).pooled, map=x)


class DividesByTheBody(Sound):
    def forward(self, x: Tensor) -> Features:
        return super().forward(x / x.square().sum(dim=(1, 2, 3, 4), keepdim=True).sqrt())


class HardFloat(Sound):
    def forward(self, x: Tensor) -> Features:
        return Features(super().forward(x).pooled.float())


class HardDevice(Sound):
    def forward(self, x: Tensor) -> Features:
        return Features(super().forward(x).pooled + torch.ones(4))


class Modifies(Sound):
    def forward(self, x: Tensor) -> Features:
        with torch.no_grad():
            x.sub_(x.mean())
        return super().forward(x)


class CutsTheGraph(Sound):
    def forward(self, x: Tensor) -> Features:
        return super().forward(x.detach())


class UnusedLayer(Sound):
    def __init__(self) -> None:
        super().__init__()
        self.unused = nn.Linear(2, 2)


class DropsInEval(Sound):
    def forward(self, x: Tensor) -> Features:
        return Features(nn.functional.dropout(super().forward(x).pooled, 0.5))


class SeesTheBatch(Sound):
    def forward(self, x: Tensor) -> Features:
        return super().forward(x - x.mean(dim=0, keepdim=True))


class ForgetsState(Sound):
    def __init__(self) -> None:
        super().__init__()
        self.centre = torch.zeros(4)

    def forward(self, x: Tensor) -> Features:
        pooled = super().forward(x).pooled
        if self.training:
            self.centre = pooled.detach().mean(dim=0)
        return Features(pooled - self.centre.to(pooled))


class Unseeded(Sound):
    def __init__(self) -> None:
        super().__init__()
        generator = torch.Generator()
        generator.seed()
        nn.init.normal_(self.linear.weight, generator=generator)


def test_a_sound_backbone_passes() -> None:
    check_backbone(dict(type=Sound, width=5))


DEFECTS = [
    (NoAttribute, 'attributes'), (WrongChannels, 'attributes'), (Crashes, 'runs'), (FixedFrames, 'runs'),
    (BareTensor, 'output'), (WrongShape, 'shape'), (WrongMap, 'shape'), (DividesByTheBody, 'finite'),
    (HardFloat, 'dtype'), (HardDevice, 'device'), (Modifies, 'input is not modified'),
    (CutsTheGraph, 'gradient'), (UnusedLayer, 'gradient'), (DropsInEval, 'eval is deterministic'),
    (SeesTheBatch, 'batch independence'), (ForgetsState, 'save and load'), (Unseeded, 'builds'),
]


@pytest.mark.parametrize(('defect', 'clause'), DEFECTS)
def test_the_broken_clause_of_a_backbone_is_named(defect: type[Backbone], clause: str) -> None:
    with pytest.raises(ContractError) as caught:
        check_backbone(dict(type=defect))
    assert (caught.value.component, caught.value.clause) == (defect.__name__, clause)


@pytest.mark.parametrize('cfg', [dict(type=nn.Linear), dict(type=Sound, widht=3), dict(type='STGNC')])
def test_what_cannot_be_built_is_named(cfg: dict[str, Any]) -> None:
    with pytest.raises(ContractError) as caught:
        check_backbone(cfg)
    assert caught.value.clause == 'builds'


class SoundNeck(Neck):
    def __init__(self, in_channels: int) -> None:
        super().__init__()
        self.in_channels = self.out_channels = in_channels
        self.layer = nn.Linear(in_channels, in_channels)

    def forward(self, x: Tensor) -> Tensor:
        return self.layer(x)


class WideNeck(SoundNeck):
    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([x, x], dim=1)


class TupleNeck(SoundNeck):
    def forward(self, x: Tensor) -> Any:
        return (x,)


class BatchNeck(SoundNeck):
    def forward(self, x: Tensor) -> Tensor:
        return self.layer(x) - x.mean()


def test_a_sound_neck_passes() -> None:
    check_neck(dict(type=SoundNeck))


@pytest.mark.parametrize(
    ('defect', 'clause'), [(WideNeck, 'shape'), (TupleNeck, 'output'), (BatchNeck, 'batch independence')]
)
def test_the_broken_clause_of_a_neck_is_named(defect: type[Neck], clause: str) -> None:
    with pytest.raises(ContractError) as caught:
        check_neck(dict(type=defect))
    assert caught.value.clause == clause
