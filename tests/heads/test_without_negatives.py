"""KeyPredictionHead, CrossCorrelationHead and VarianceCovarianceHead against loops."""

from __future__ import annotations

from itertools import combinations, permutations
from typing import Any

import pytest
import torch
from torch import Tensor

from skelreg.errors import ConfigError
from skelreg.heads.correlation import CrossCorrelationHead
from skelreg.heads.prediction import KeyPredictionHead
from skelreg.heads.variance import VarianceCovarianceHead
from skelreg.plugin_manager import load_plugins
from skelreg.registry import HEADS
from skelreg.structures import Features, MultiView, Step, View
from tests.reference import contrast, redundancy

N, D = 6, 5



def noise(seed: int) -> Tensor:
    return torch.randn(N, D, generator=torch.Generator().manual_seed(seed))


def make_step(projections: list[Tensor], keys: list[Tensor] | None = None) -> Step:
    views = tuple(View(f'stage_{i}', torch.tensor(float(i))) for i in range(len(projections)))
    return Step(
        MultiView(views),
        encode=lambda view: Features(projections[int(view.skeleton)]),
        project=lambda z: z,
        encode_key=None if keys is None else (lambda view: keys[int(view.skeleton)]),
    )


def rows(*tensors: Tensor) -> list[list[list[float]]]:
    return [tensor.double().tolist() for tensor in tensors]


def unit(x: Tensor) -> Tensor:
    return torch.nn.functional.normalize(x, dim=1)


def flipped_and_doubled() -> torch.nn.Module:
    """A predictor that can be followed by hand."""
    layer = torch.nn.Linear(D, D, bias=False)
    layer.weight.data.copy_(2 * torch.eye(D).flip(0))
    return layer


@pytest.mark.parametrize('num_views', [2, 3])
def test_every_view_predicts_the_keys_of_the_others(num_views: int) -> None:
    load_plugins()
    projections, keys = ([noise(seed + i) for i in range(num_views)] for seed in (0, 10))
    head = KeyPredictionHead(D)
    head.predictor.layers = flipped_and_doubled()
    predicted = rows(*(unit(projection.flip(1)) for projection in projections))
    targets = rows(*map(unit, keys))
    pairs = list(permutations(range(num_views), 2))
    one_way = [2 * contrast.cosine(targets[j], predicted[i]) for i, j in pairs]
    loss = head(make_step(projections, keys)).losses['prediction']
    assert loss.item() == pytest.approx(2 * sum(one_way) / len(pairs), rel=1e-5)


def test_no_gradient_reaches_the_key_encoder() -> None:
    load_plugins()
    projections = [noise(i).requires_grad_() for i in range(2)]
    keys = [noise(i).requires_grad_() for i in (10, 11)]
    KeyPredictionHead(D)(make_step(projections, keys)).losses['prediction'].backward()
    assert all(key.grad is None for key in keys) and all(p.grad.any() for p in projections)


def test_a_predictor_of_another_width_is_refused() -> None:
    load_plugins()
    cfg = dict(type='KeyPredictionHead', predictor=dict(type='MLPProjection', out_channels=D + 1))
    with pytest.raises(ConfigError, match=f'must end in the {D} channels') as caught:
        HEADS.build(cfg, where='heads', projection_channels=D)
    assert 'heads' in str(caught.value)


@pytest.mark.parametrize('num_views', [2, 3])
def test_cross_correlation_head_agrees_with_the_loop(num_views: int) -> None:
    projections = [noise(i) for i in range(num_views)]
    losses = CrossCorrelationHead(redundancy_weight=0.3)(make_step(projections)).losses
    pairs = [redundancy.barlow_twins(a, b) for a, b in combinations(rows(*projections), 2)]
    assert losses['invariance'].item() == pytest.approx(sum(a for a, _ in pairs) / len(pairs), rel=1e-4)
    assert losses['redundancy'].item() == pytest.approx(0.3 * sum(b for _, b in pairs) / len(pairs), rel=1e-4)


@pytest.mark.parametrize('num_views', [2, 3])
def test_variance_covariance_head_is_the_mean_over_pairs(num_views: int) -> None:
    projections = [noise(i) / (1 + i) for i in range(num_views)]
    losses = VarianceCovarianceHead(25.0, 20.0, 1.5, least_deviation=0.8)(make_step(projections)).losses
    pairs = list(combinations(rows(*projections), 2))
    expected = dict.fromkeys(losses, 0.0)
    for a, b in pairs:
        hinges = [redundancy.variance_hinge(x, 0.8) for x in (a, b)]
        expected['invariance'] += 25 * redundancy.invariance(a, b) / len(pairs)
        expected['variance'] += 20 * sum(hinges) / 2 / len(pairs)
        expected['covariance'] += 1.5 * sum(map(redundancy.covariance_penalty, (a, b))) / len(pairs)
    assert {name: value.item() for name, value in losses.items()} == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize(
    ('head', 'arguments', 'message'),
    [
        (CrossCorrelationHead, dict(redundancy_weight=-1), 'redundancy_weight must be >= 0'),
        (VarianceCovarianceHead, dict(covariance_weight=-1), 'weights must be >= 0'),
        (VarianceCovarianceHead, dict(least_deviation=0), 'least_deviation > 0'),
    ],
)
def test_bad_arguments_are_refused(head: type, arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        head(**arguments)
