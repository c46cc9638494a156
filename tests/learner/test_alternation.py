from __future__ import annotations

from typing import Any

import pytest
import torch
from mmengine.optim import OptimWrapperDict, build_optim_wrapper

from skelreg.errors import ConfigError
from skelreg.learner.alternation import ENCODER, OPPONENT
from skelreg.registry import OPTIM_WRAPPER_CONSTRUCTORS
from tests.learner.small import learner

ADVERSARY = dict(type='AdversarialAlignment', hidden_channels=(6,), weight=0.1)


def model(mode: str = 'alternating') -> Any:
    return learner(regularizers=dict(align={**ADVERSARY, 'mode': mode}))


def optimizers(made: Any, **paramwise: Any) -> OptimWrapperDict:
    constructor = OPTIM_WRAPPER_CONSTRUCTORS.find('AlternatingConstructor')
    cfg = dict(optimizer=dict(type='SGD', lr=0.5), constructor=constructor, paramwise_cfg=paramwise or None)
    return build_optim_wrapper(made, cfg)


def batch() -> dict[str, Any]:
    inputs = torch.randn(8, 3, 12, 25, 2, generator=torch.Generator().manual_seed(1))
    return dict(inputs=inputs, labels=torch.tensor([0] * 4 + [-1] * 4), index=torch.arange(8))


def test_the_opponent_has_an_optimizer_of_its_own() -> None:
    made = model()
    wrappers = optimizers(made, custom_keys={'discriminator': dict(lr=0.1)})
    opponent = made.regularizers['align'].component.discriminator
    found = {id(p) for group in wrappers[OPPONENT].optimizer.param_groups for p in group['params']}
    others = {id(p) for group in wrappers[ENCODER].optimizer.param_groups for p in group['params']}
    assert found == {id(p) for p in opponent.parameters()}
    assert others == {id(p) for p in made.parameters() if p.requires_grad} - found
    assert {group['lr'] for group in wrappers[OPPONENT].optimizer.param_groups} == {0.1}


def test_the_encoder_meets_the_opponent_after_its_step() -> None:
    made = model()
    made.backbone.dropout.p = 0.0
    term = made.regularizers['align'].component
    data = made.data_preprocessor(batch(), True)
    step = made.make_step(data['multi_view'], labels=data['labels'])
    before = [parameter.detach().clone() for parameter in term.discriminator.parameters()]
    loss = term.discriminate(step)['discriminator']
    gradients = torch.autograd.grad(loss, list(term.discriminator.parameters()))
    logged = made.train_step(batch(), optimizers(made))
    for parameter, old, gradient in zip(term.discriminator.parameters(), before, gradients, strict=True):
        torch.testing.assert_close(parameter.detach(), old - 0.5 * gradient)
    torch.testing.assert_close(logged['align/encoder'], 0.1 * term(step).losses['encoder'].detach())


def test_the_batch_is_encoded_once() -> None:
    made, calls = model(), []
    made.backbone.register_forward_hook(lambda *_: calls.append(1))
    logged = made.train_step(batch(), optimizers(made))
    assert len(calls) == 1 and {'loss', 'align/encoder', 'align/discriminator'} <= set(logged)


@pytest.mark.parametrize('mode', ['simultaneous', 'reversal'])
def test_two_optimizers_without_anything_that_alternates_are_refused(mode: str) -> None:
    with pytest.raises(ConfigError, match='nothing alternates'):
        optimizers(model(mode))
