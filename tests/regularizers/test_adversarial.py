from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from skelreg.errors import ConfigError
from skelreg.regularizers.adversarial import AdversarialAlignment
from skelreg.structures import TrainingSet
from tests.reference import semi_supervised as reference
from tests.regularizers.small import D, Network, is_zero, skeletons, training_set


def term(**options: Any) -> AdversarialAlignment:
    torch.manual_seed(2)
    return AdversarialAlignment(D, hidden_channels=(6, 4), **options)


def domains(made: AdversarialAlignment, net: Network, x: Tensor) -> tuple[list[float], list[float]]:
    logits = made.discriminator(net.encoder(x))[:, 0].tolist()
    return logits[: len(x) // 2], logits[len(x) // 2 :]


def test_both_losses_agree_with_the_loop() -> None:
    made, net, x = term(), Network(), skeletons()
    first, second = domains(made, net, x)
    losses = made(net.step(x)).losses
    assert losses['discriminator'].item() == pytest.approx(reference.domain_loss(first, second), rel=1e-5)
    assert losses['encoder'].item() == pytest.approx(reference.domain_loss(second, first), rel=1e-5)


def test_no_gradient_of_the_discriminators_loss_reaches_the_encoder() -> None:
    made, net = term(), Network()
    made(net.step(skeletons())).losses['discriminator'].backward()
    assert all(is_zero(parameter.grad) for parameter in net.parameters())
    assert not any(is_zero(layer.grad) for layer in made.parameters())


def test_no_gradient_of_the_encoders_loss_reaches_the_discriminator() -> None:
    made, net = term(), Network()
    made(net.step(skeletons())).losses['encoder'].backward()
    assert all(is_zero(parameter.grad) for parameter in made.parameters())
    assert not is_zero(net.encoder[1].weight.grad)


def gradients(made: AdversarialAlignment, x: Tensor, names: tuple[str, ...]) -> tuple[Tensor, Tensor]:
    """Of the encoder and of the discriminator's first layer."""
    net = Network()
    losses = made(net.step(x)).losses
    sum(losses[name] for name in names).backward()
    return net.encoder[1].weight.grad, made.discriminator[0].weight.grad


def test_reversal_turns_the_encoders_gradient_round_and_not_the_discriminators() -> None:
    x, net, made = skeletons(), Network(), term()
    features = net.encoder(x)
    logits = made.discriminator(features)[:, 0]
    plain = logits[:3].sigmoid().log().mean() + (1 - logits[3:].sigmoid()).log().mean()
    (-plain).backward()
    encoder, discriminator = gradients(term(mode='reversal'), x, ('domain',))
    torch.testing.assert_close(encoder, -net.encoder[1].weight.grad)
    torch.testing.assert_close(discriminator, made.discriminator[0].weight.grad)


def test_the_encoder_may_move_the_second_domain_alone() -> None:
    x = skeletons().requires_grad_()
    net, made = Network(), term(encoder_moves='second')
    made(net.step(x)).losses['encoder'].backward()
    assert is_zero(x.grad[:3]) and not is_zero(x.grad[3:])


def test_alternating_leaves_the_discriminator_to_its_own_step() -> None:
    made, net, x = term(mode='alternating'), Network(), skeletons()
    assert list(made(net.step(x)).losses) == ['encoder']
    expected = reference.domain_loss(*domains(made, net, x))
    assert made.discriminate(net.step(x))['discriminator'].item() == pytest.approx(expected, rel=1e-5)


def test_two_views_can_be_the_domains() -> None:
    made, net = term(domains=('view_0', 'view_2')), Network()
    views = [skeletons(seed=seed) for seed in (1, 2, 3)]
    logits = [made.discriminator(net.encoder(x))[:, 0].tolist() for x in views]
    found = made(net.step(*views)).losses['discriminator'].item()
    assert found == pytest.approx(reference.domain_loss(logits[0], logits[2]), rel=1e-5)
    assert (made.min_views, made.needs) == (3, frozenset({'features'}))


def test_two_joined_sets_can_be_the_domains() -> None:
    made, net, x = term(domains=('dataset_1', 'dataset_0')), Network(), skeletons()
    sources = torch.tensor([0, 1, 1, 0, 0, 1, 1, 0])
    made.prepare(TrainingSet(torch.zeros(8, dtype=torch.int64), 'joined', sources))
    index = torch.tensor([7, 6, 5, 4, 3, 2])
    logits = made.discriminator(net.encoder(x))[:, 0].tolist()
    first = [value for value, row in zip(logits, index.tolist(), strict=True) if sources[row] == 1]
    second = [value for value, row in zip(logits, index.tolist(), strict=True) if sources[row] == 0]
    found = made(net.step(x, index=index)).losses['discriminator'].item()
    assert found == pytest.approx(reference.domain_loss(first, second), rel=1e-5)
    assert 'sources' not in made.state_dict()


def test_accuracy_is_the_share_that_the_discriminator_gets_right() -> None:
    made, net, x = term(), Network(), skeletons()
    first, second = domains(made, net, x)
    right = sum(v > 0 for v in first) + sum(v <= 0 for v in second)
    assert made(net.step(x)).diagnostics['accuracy'].item() == pytest.approx(right / len(x))


@pytest.mark.parametrize('unlabelled', [0, 24])
def test_a_training_set_without_one_of_the_domains_is_refused(unlabelled: int) -> None:
    with pytest.raises(ConfigError, match='has no sequence'):
        term().prepare(training_set(unlabelled))
    term(domains=('view_0', 'view_1')).prepare(training_set(unlabelled))


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (dict(domains=('labelled', 'labeled')), 'a domain is'),
        (dict(domains=('labelled', 'labelled')), 'two different names'),
        (dict(mode='minimax'), 'mode must be one of'),
        (dict(encoder_moves='first'), 'encoder_moves must be'),
        (dict(mode='reversal', encoder_moves='second'), 'has no meaning'),
    ],
)
def test_bad_arguments_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        term(**options)
