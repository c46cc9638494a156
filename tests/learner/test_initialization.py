from __future__ import annotations

import pytest
import torch
from torch import nn

from skelreg.learner.initialization import torch_initialization

LAYERS = [nn.Linear(4, 4), nn.Conv2d(4, 4, 1), nn.GRU(4, 4)]


@pytest.mark.parametrize('layer', LAYERS, ids=lambda layer: type(layer).__name__)
def test_torch_draws_every_weight_anew(layer: nn.Module) -> None:
    before = [parameter.detach().clone() for parameter in layer.parameters()]
    torch_initialization(nn.Sequential(layer))
    assert not any(torch.equal(old, new) for old, new in zip(before, layer.parameters(), strict=True))
