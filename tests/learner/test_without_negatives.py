"""Learners without negatives: what they need, and that they do not collapse."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from skelreg.errors import ConfigError
from skelreg.functional.spread import spread
from skelreg.learner.learner import Learner
from tests.learner.small import BASIC, learner, run

PAIR = dict(type='SkeletonPreprocessor', policy=dict(type='GrowingPolicy', stages=[BASIC, []]))
HEADS = {
    'byol': dict(type='KeyPredictionHead'),
    'barlow_twins': dict(type='CrossCorrelationHead'),
    'vicreg': dict(type='VarianceCovarianceHead'),
}
#: Nothing but agreement, the shortest way to a collapse.
AGREEMENT = dict(type='VarianceCovarianceHead', variance_weight=0.0, covariance_weight=0.0)


def pair_learner(head: dict[str, Any], **arguments: Any) -> Learner:
    settings: dict[str, Any] = dict(
        projector=dict(type='MLPProjection', out_channels=6, num_layers=3, batch_norm=True),
        key_encoder=dict(momentum=0.9) if head['type'] == 'KeyPredictionHead' else None,
        heads=dict(pair=head), data_preprocessor=PAIR,
    )
    model = learner(**{**settings, **arguments})
    model.init_weights()
    return model


def train(model: Learner, steps: int = 40) -> tuple[float, float, float]:
    """First and last loss, and the spread of the last queries."""
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    inputs = torch.randn(16, 3, 4, 25, 1, generator=torch.Generator().manual_seed(0))
    losses = []
    for _ in range(steps):
        total, _ = model.parse_losses(run(model, inputs=inputs))
        optimizer.zero_grad()
        total.backward()
        optimizer.step()
        losses.append(total.item())
    return losses[0], losses[-1], spread(model.last_queries[0]).item()


@pytest.mark.parametrize('name', HEADS)
def test_training_agrees_without_a_collapse(name: str) -> None:
    first, last, healthy = train(pair_learner(HEADS[name]))
    assert last < 0.7 * first and healthy > 0.6


def test_agreement_alone_collapses() -> None:
    model = pair_learner(AGREEMENT, projector=dict(type='MLPProjection', out_channels=6))
    *_, left = train(model)
    assert left < 0.3


def test_byol_moves_its_key_encoder_and_leaves_it_without_gradient() -> None:
    model = pair_learner(HEADS['byol'])
    before = [p.clone() for p in model.key_encoder.parameters()]
    train(model, steps=2)
    assert all(p.grad is None for p in model.key_encoder.parameters())
    assert any(not torch.equal(a, b) for a, b in zip(before, model.key_encoder.parameters(), strict=True))
    assert all(p.grad is not None for p in model.heads.parameters())


def test_byol_without_a_key_encoder_is_refused() -> None:
    with pytest.raises(ConfigError, match="needs 'view_keys'") as caught:
        pair_learner(HEADS['byol'], key_encoder=None)
    assert 'model.key_encoder' in str(caught.value)


def test_one_view_is_refused() -> None:
    one = dict(type='SkeletonPreprocessor', policy=dict(type='GrowingPolicy', stages=[BASIC]))
    with pytest.raises(ConfigError, match='at least 2 ordered views'):
        pair_learner(HEADS['vicreg'], data_preprocessor=one)
