"""What the benchmark measures against does what is measured: the same losses, the same views."""

from __future__ import annotations

import random

import numpy as np
import pytest
import torch

from skelreg.bench import release, training
from skelreg.learner.foreign import from_hiclr_stgcn
from skelreg.structures import MultiView, View
from tests.reference import augment

SMALL = {'hidden_channels': 2, 'out_channels': 4}


def test_the_plain_step_has_the_loss_of_the_components(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training, 'QUEUE', 32)
    backbone = {'type': 'STGCN', **SMALL, 'dropout': 0.0, 'adjacency': 'release_spatial'}
    learner = training.pretext_model(backbone)
    plain = release.HiCLR(**SMALL, dropout=0.0, queue_size=32).train()
    plain.mask_param.data.fill_(0.3)
    missing, unexpected = learner.load_state_dict(from_hiclr_stgcn(plain.state_dict()), strict=False)
    assert not missing and not unexpected
    weak, key, normal, strong = (training.batch_of(4)['inputs'] for _ in range(4))
    hidden = torch.rand(50, 25) < 0.1
    masked = torch.where(hidden[None, None, :, :, None], torch.tensor(0.3), strong)
    views = tuple(View(f'stage_{i}', x) for i, x in enumerate((weak, normal, masked)))
    losses = learner.compute_losses(learner.make_step(MultiView(views, View('key', key))))['losses']
    torch.testing.assert_close(
        plain(weak, key, normal, strong, hidden), sum(losses.values()), rtol=1e-4, atol=1e-4
    )
    torch.testing.assert_close(plain.queue.T, learner.queue.features, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize('seed', range(4))
def test_the_plain_views_are_those_of_the_formulas(seed: int) -> None:
    x = np.random.default_rng(seed).normal(size=(3, 20, 25, 2))
    random.seed(seed)
    np.random.seed(seed)
    views = release.four_views(x)
    random.seed(seed)
    np.random.seed(seed)
    for view, normal in zip(views, (False, False, True, True), strict=True):
        np.testing.assert_allclose(view, expected_view(x, normal), atol=1e-12)


def expected_view(x: np.ndarray, normal: bool) -> np.ndarray:
    """One view by the loop-written formulas, from the same draws."""
    x = augment.temporal_crop(x, np.random.randint(0, 7), 3)
    a1, a2, a3, b1, b2, b3 = (random.uniform(-0.5, 0.5) for _ in range(6))
    x = augment.linear_map(x, [[1, a1, b1], [a2, 1, b2], [a3, b3, 1]])
    if not normal:
        return x
    if random.random() < 0.5:
        pairs = [(4, 8), (5, 9), (6, 10), (7, 11), (12, 16), (13, 17), (14, 18), (15, 19), (21, 23), (22, 24)]
        x = augment.spatial_flip(x, pairs, mirror_coordinate=False)
    main = random.randint(0, 2)
    x = augment.rotate(x, [random.uniform(0, 30 if axis == main else 1) for axis in range(3)])
    if random.random() < 0.5:
        x = x + np.random.normal(0, 0.01, x.shape)
    sigma = random.uniform(0.1, 2)
    if np.random.random_sample() < 0.5:
        x = augment.blur(x, sigma, normalized=False)
    if random.random() < 0.5:
        x[random.randint(0, 2)] = 0
    return x


@pytest.mark.parametrize(('name', 'goal'), [('exact', 16 / 20.6), ('fast', 7 / 20.6)])
def test_steps_are_measured_against_it(monkeypatch: pytest.MonkeyPatch, name: str, goal: float) -> None:
    monkeypatch.setattr(training, 'STGCN', {'type': 'STGCN', **SMALL})
    monkeypatch.setattr(training, 'QUEUE', 8)
    found = release.against_plain_step(name, 4, 1)
    assert (found.unit, found.goal) == ('ratio', goal) and name in found.case
    # The plain step is of the release's width, the other one of next to none.
    assert 0 < found.low <= found.value <= found.high < 1


def test_views_are_measured_against_numpy() -> None:
    found = release.against_plain_views(64)
    assert (found.unit, found.goal) == ('ratio', 0.1)
    assert 0 < found.low <= found.value <= found.high
