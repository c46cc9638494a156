from __future__ import annotations

import pytest
import torch

from skelreg.engine.batchnorm import estimate_batchnorm
from skelreg.errors import DataError
from tests.engine.toys import ToyDataset, toy_learner


def test_statistics_are_the_averages_over_the_batches():
    model, dataset = toy_learner(), ToyDataset(40)
    assert estimate_batchnorm(model, dataset, batch_size=20) == 2
    order = torch.randperm(40, generator=torch.Generator().manual_seed(0))  # the same shuffle every time
    flat = dataset.inputs.mean(dim=(2, 4)).flatten(1)[order].split(20)
    norm = model.backbone.norm
    torch.testing.assert_close(norm.running_mean, torch.stack([b.mean(dim=0) for b in flat]).mean(dim=0))
    torch.testing.assert_close(norm.running_var, torch.stack([b.var(dim=0) for b in flat]).mean(dim=0))


def test_what_was_estimated_before_is_forgotten():
    once, twice = toy_learner(), toy_learner()
    estimate_batchnorm(once, ToyDataset(40))
    for seed in (3, 0):
        estimate_batchnorm(twice, ToyDataset(40, seed=seed))
    assert torch.equal(once.backbone.norm.running_mean, twice.backbone.norm.running_mean)


@pytest.mark.parametrize('training', [True, False])
def test_weights_modes_and_momentum_stay(training):
    model = toy_learner(frozen=()).train(training)
    before = [p.clone() for p in model.parameters()]
    modes = [m.training for m in model.modules()]
    estimate_batchnorm(model, ToyDataset(40))
    assert all(torch.equal(p, q) for p, q in zip(model.parameters(), before, strict=True))
    assert [m.training for m in model.modules()] == modes
    assert model.backbone.norm.momentum == 0.1


@pytest.mark.parametrize(('length', 'batches'), [(8, 1), (40, 2), (45, 2), (50, 3)])
def test_a_small_remainder_is_left_out(length, batches):
    assert estimate_batchnorm(toy_learner(), ToyDataset(length), batch_size=20) == batches


def test_an_empty_dataset_is_refused():
    with pytest.raises(DataError, match='at least one sequence'):
        estimate_batchnorm(toy_learner(), ToyDataset(0))
