from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.optim.swa_utils import get_ema_avg_fn

from skelreg.learner.key_encoder import KeyEncoder
from skelreg.learner.learner import Learner
from skelreg.structures import View
from tests.learner.small import contrastive, is_same, key_and_query, run


def test_it_starts_equal_to_the_query_after_init_weights() -> None:
    learner = contrastive()
    nn.init.normal_(learner.backbone.linear.weight)
    assert not is_same(*key_and_query(learner))
    learner.init_weights()
    assert is_same(*key_and_query(learner))


@pytest.mark.parametrize('initialization', ['torch', 'release'])
def test_it_starts_equal_to_the_query_whatever_the_initialization(initialization: str) -> None:
    learner = contrastive(initialization=initialization)
    learner.init_weights()
    assert is_same(*key_and_query(learner))


def test_it_starts_equal_to_the_query_after_pretrained_weights() -> None:
    learner = contrastive()
    learner.init_weights()
    for tensor in learner.backbone.state_dict().values():
        tensor.add_(1)
    learner.after_pretrained()
    assert is_same(*key_and_query(learner))


@pytest.mark.parametrize('initialization', ['torch', 'release'])
def test_an_independent_start_differs_from_the_query(initialization: str) -> None:
    learner = contrastive(key_encoder=dict(start='independent'), initialization=initialization)
    learner.init_weights()
    learner.after_pretrained()
    key, query = key_and_query(learner)
    assert not torch.equal(key['backbone.linear.weight'], query['backbone.linear.weight'])


@pytest.mark.parametrize('momentum', [0.0, 0.9, 0.999, 1.0])
def test_it_moves_as_torchs_exponential_moving_average(momentum: float) -> None:
    learner = contrastive(key_encoder=dict(momentum=momentum, start='independent'))
    learner.init_weights()
    average = get_ema_avg_fn(momentum)
    before, query = ({k: v.clone() for k, v in state.items()} for state in key_and_query(learner))
    learner.key_encoder.update(learner.query_encoder())
    for name, _ in learner.query_encoder().named_parameters():
        expected = average(before[name], query[name], torch.tensor(0))
        torch.testing.assert_close(key_and_query(learner)[0][name], expected)


def test_statistics_of_batch_norm_are_its_own() -> None:
    learner = contrastive()
    learner.init_weights()
    x = torch.randn(8, 3, 4, 25, 2)
    learner.backbone(5 + x)
    learner.key_encoder.update(learner.query_encoder())
    key, query = key_and_query(learner)
    assert not key['backbone.norm.running_mean'].any() and query['backbone.norm.running_mean'].any()


def test_it_learns_nothing_by_gradient() -> None:
    learner = contrastive()
    assert not any(parameter.requires_grad for parameter in learner.key_encoder.parameters())


def test_it_runs_the_neck_before_the_projector() -> None:
    learner = contrastive(neck=dict(type='MLPProjection', out_channels=5))
    assert list(learner.key_encoder.encoder) == ['backbone', 'neck', 'projector']
    view = View('key', torch.randn(2, 3, 4, 25, 2))
    keys: Tensor = learner.eval().key_encoder(view)
    learner.init_weights()
    expected = learner.projector(learner.neck(learner.backbone(view.skeleton).pooled))
    torch.testing.assert_close(learner.key_encoder(view), expected)
    assert keys.shape == expected.shape


def test_its_projector_sees_features_in_float32_as_that_of_the_query_does() -> None:
    learner = contrastive()
    seen: list[torch.dtype] = []
    for projector in (learner.projector, learner.key_encoder.encoder['projector']):
        projector.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0].dtype))
    with torch.autocast('cpu', torch.bfloat16):
        run(learner)
    assert set(seen) == {torch.float32} and len(seen) > 1


@pytest.mark.parametrize(
    ('arguments', 'message'), [(dict(momentum=1.5), 'momentum'), (dict(start='zero'), 'start')]
)
def test_bad_arguments_are_refused(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        KeyEncoder(nn.ModuleDict(), **arguments)


def test_it_moves_before_the_keys_are_made() -> None:
    learner: Learner = contrastive(key_encoder=dict(momentum=0.0, start='independent'))
    learner.init_weights()
    batch = learner.data_preprocessor({'inputs': torch.randn(8, 3, 4, 25, 2)}, training=True)
    learner(**batch, mode='loss')
    names = [name for name, _ in learner.query_encoder().named_parameters()]
    key, query = key_and_query(learner)
    assert all(torch.equal(key[name], query[name]) for name in names)
