from __future__ import annotations

from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from skelreg.learner.initialization import (
    independent_initialization,
    release_initialization,
    torch_initialization,
)
from skelreg.runner import build_runner
from tests.learner.small import contrastive, key_and_query
from tests.runs import SKELETONCLR, small

LAYERS = [nn.Linear(4, 4), nn.Conv2d(4, 4, 1), nn.GRU(4, 4)]


@pytest.mark.parametrize('layer', LAYERS, ids=lambda layer: type(layer).__name__)
def test_torch_draws_every_weight_anew(layer: nn.Module) -> None:
    before = [parameter.detach().clone() for parameter in layer.parameters()]
    torch_initialization(nn.Sequential(layer))
    assert not any(torch.equal(old, new) for old, new in zip(before, layer.parameters(), strict=True))


def test_an_independent_draw_is_that_of_the_seed_and_leaves_the_generator_alone() -> None:
    drawn, layer = [], nn.Linear(4, 4)
    for _ in range(2):
        torch.manual_seed(3)
        independent_initialization(layer)
        drawn.append((layer.weight.detach().clone(), torch.rand(2)))
    torch.manual_seed(3)
    torch.testing.assert_close(drawn, [(drawn[0][0], torch.rand(2))] * 2, rtol=0, atol=0)


def test_the_release_skips_norms_without_weights() -> None:
    release_initialization(nn.Sequential(nn.BatchNorm1d(4, affine=False), linear := nn.Linear(4, 4)))
    assert bool((linear.bias == 0).all())


def start(work_dir: Path, **more: Any) -> Any:
    runner = build_runner(small(SKELETONCLR, **more), work_dir)
    runner._init_model_weights()
    return runner.model


def matrices(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """All that is drawn: what else there is starts at one number everywhere."""
    return {name: x for name, x in state.items() if x.is_floating_point() and len(x.unique()) > 1}


def test_a_run_whose_key_encoder_starts_independently_has_two_encoders(tmp_path: Path) -> None:
    key, query = key_and_query(start(tmp_path, model__key_encoder__start='independent'))
    drawn = matrices(query)
    assert len(drawn) > 20 and not any(torch.equal(x, key[name]) for name, x in drawn.items())


def test_an_independent_start_is_the_same_in_every_run_and_changes_nothing_else(tmp_path: Path) -> None:
    first, second = (start(tmp_path, model__key_encoder__start='independent').state_dict() for _ in range(2))
    torch.testing.assert_close(first, second, rtol=0, atol=0)
    plain = start(tmp_path).state_dict()
    for name in (name for name in plain if not name.startswith('key_encoder.')):
        torch.testing.assert_close(first[name], plain[name], rtol=0, atol=0)


def test_independent_key_encoders_of_branches_differ_from_each_other() -> None:
    cross = dict(type='CrossStreamHead')
    settings: dict[str, Any] = dict(branches=('motion', 'bone'), heads=dict(cross=cross))
    model = contrastive(1, key_encoder=dict(start='independent'), **settings)
    model.init_weights()
    keys = [part.key_encoder.encoder['backbone'].linear.weight for part in (model, *model.branches.values())]
    assert not any(torch.equal(*pair) for pair in combinations(keys, 2))
