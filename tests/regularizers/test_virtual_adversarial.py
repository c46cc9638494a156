from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from skelreg.regularizers.virtual_adversarial import VirtualAdversarial
from tests.reference import semi_supervised as reference
from tests.regularizers.small import Network, is_zero, skeletons


@pytest.mark.parametrize('iterations', [1, 2])
def test_it_agrees_with_the_loop(iterations: int) -> None:
    net, exact, x = Network(), Network().double(), skeletons()
    term = VirtualAdversarial(radius=0.7, step=0.1, iterations=iterations)
    torch.manual_seed(4)
    start = torch.randn_like(x[3:])
    torch.manual_seed(4)
    found = term(net.step(x)).losses['divergence'].item()

    def predict(one: Any) -> list[float]:
        return exact.logits(torch.from_numpy(one)[None])[0].tolist()

    expected = []
    for sequence, first in zip(x[3:].double().numpy(), start.double().numpy(), strict=True):
        direction = reference.adversarial_direction(predict, sequence, first, 0.1, iterations)
        expected.append(reference.kl(predict(sequence), predict(sequence + 0.7 * direction)))
    assert found == pytest.approx(np.mean(expected), rel=1e-2)


def divergence(net: Network, x: Tensor, radius: float, **options: Any) -> Tensor:
    torch.manual_seed(4)
    return VirtualAdversarial(radius=radius, **options)(net.step(x)).losses['divergence']


def test_a_tiny_radius_costs_nothing_although_dropout_is_on() -> None:
    """All passes share their dropout masks."""
    net, x = Network(dropout=0.5), skeletons()
    assert divergence(net, x, 1e-3) < 1e-5 < divergence(net, x, 1.0)


def test_the_direction_is_worse_than_a_random_one() -> None:
    net, x = Network(), skeletons()
    random = torch.randn_like(x[3:])
    random = random / random.flatten(1).norm(dim=1)[:, None, None, None, None]
    moved = [reference.kl(*pair) for pair in zip(
        net.logits(x[3:]).tolist(), net.logits(x[3:] + random).tolist(), strict=True
    )]
    assert divergence(net, x, 1.0) > 3 * np.mean(moved)


def test_absent_bodies_are_not_perturbed() -> None:
    net, x = Network(), skeletons()
    x[3:] = 0
    assert divergence(net, x, 5.0).item() == 0


def test_the_gradient_reaches_the_weights_and_draws_go_on() -> None:
    net, x = Network(dropout=0.5), skeletons()
    loss = divergence(net, x, 1.0)
    after = torch.rand(3)
    loss.backward()
    assert not is_zero(net.encoder[1].weight.grad)
    torch.manual_seed(4)
    torch.randn_like(x[3:])
    assert torch.equal(after, torch.rand(3))


def test_the_direction_is_found_in_full_precision_under_autocast() -> None:
    net, x = Network(), skeletons()
    exact = divergence(net, x, 1.0, step=1e-3)
    with torch.autocast('cpu', dtype=torch.bfloat16):
        mixed = divergence(net, x, 1.0, step=1e-3)
    torch.testing.assert_close(mixed, exact, rtol=0.2, atol=0)


def test_a_batch_without_unlabelled_sequences_costs_nothing() -> None:
    step = Network().step(skeletons(), labels=torch.zeros(6, dtype=torch.int64))
    loss = VirtualAdversarial()(step).losses['divergence']
    loss.backward()
    assert loss.item() == 0


@pytest.mark.parametrize('options', [dict(radius=0), dict(step=-1.0), dict(iterations=0)])
def test_bad_arguments_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match='radius and step must be > 0'):
        VirtualAdversarial(**options)
