from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from skelreg.errors import ConfigError
from skelreg.regularizers.neighborhood import NeighborhoodConsistency
from tests.reference import semi_supervised as reference
from tests.regularizers.small import SEQUENCES, D, Network, is_zero, skeletons, training_set

POOL = 18


def filled(num_neighbors: int = 3, **options: Any) -> tuple[NeighborhoodConsistency, Network]:
    """A term whose bank has seen a training set of which the last 18 sequences are unlabelled."""
    torch.manual_seed(0)
    term, net = NeighborhoodConsistency(D, num_neighbors, (6, 4), **options), Network()
    term.prepare(training_set(POOL))
    labels = training_set(POOL).labels
    with torch.no_grad():
        term.collect(net.step(skeletons(SEQUENCES), labels=labels, index=torch.arange(SEQUENCES)))
    return term, net


def visited(net: Network, positions: list[int]) -> Any:
    """A step of some of these sequences."""
    index = torch.tensor(positions)
    return net.step(skeletons(SEQUENCES)[index] * 1.3, labels=training_set(POOL).labels[index], index=index)


def test_it_agrees_with_the_loop() -> None:
    term, net = filled()
    step = visited(net, [0, 7, 12, 20])
    bank, pool = term.bank.values.tolist(), (torch.arange(SEQUENCES) >= 6).tolist()
    z = step.embeddings[0][1:].tolist()  # the first is labelled
    found = reference.nearest_others(z, bank, 3, [7, 12, 20], pool)
    losses = []
    for anchor, rows in zip(z, found, strict=True):
        distances = torch.tensor([bank[row] for row in rows]).sub(torch.tensor(anchor)).abs()
        center = reference.local_center([bank[row] for row in rows], term.mlp(distances)[:, 0].tolist())
        logits = net.classifier(torch.tensor([center, anchor])).tolist()
        losses.append(reference.kl(*logits))
    assert term(step).losses['divergence'].item() == pytest.approx(sum(losses) / 3, rel=1e-4)


def test_a_constant_mlp_gives_the_mean_of_the_neighbours() -> None:
    term, net = filled()
    nn.init.zeros_(term.mlp[-1].weight)
    terms = term(visited(net, [7, 12]))
    assert terms.diagnostics['largest_weight'].item() == pytest.approx(1 / 3)


def test_the_gradient_reaches_mlp_classifier_and_encoder_and_not_the_bank() -> None:
    term, net = filled()
    term(visited(net, [7, 12, 20])).losses['divergence'].backward()
    trained = [term.mlp[0].weight, term.mlp[4].weight, net.classifier.weight, net.encoder[1].weight]
    assert not any(is_zero(weight.grad) for weight in trained)
    assert not term.bank.values.requires_grad


def test_visited_rows_are_overwritten_in_training_only() -> None:
    term, net = filled()
    before, step = term.bank.values.clone(), visited(net, [0, 7])
    term.eval()(step)
    assert torch.equal(term.bank.values, before)
    term.train()(step)
    changed = (term.bank.values != before).any(dim=1).nonzero()[:, 0].tolist()
    assert changed == [7]
    torch.testing.assert_close(term.bank.values[7], step.embeddings[0][1].detach())


def test_the_bank_is_collected_once() -> None:
    term, _ = filled()
    fresh = NeighborhoodConsistency(D, 3, (6, 4))
    fresh.prepare(training_set(POOL))
    assert fresh.collects and not term.collects
    fresh.load_state_dict(term.state_dict())
    assert not fresh.collects


@pytest.mark.parametrize(('neighbors', 'unlabelled'), [(18, 18), (1, 1), (1, 0)])
def test_more_neighbours_than_others_are_refused_before_training(neighbors: int, unlabelled: int) -> None:
    with pytest.raises(ConfigError, match=f'num_neighbors={neighbors}, {unlabelled} unlabelled'):
        NeighborhoodConsistency(D, neighbors).prepare(training_set(unlabelled))


def test_a_batch_without_unlabelled_sequences_costs_nothing() -> None:
    term, net = filled()
    loss = term(visited(net, [0, 1])).losses['divergence']
    loss.backward()
    assert loss.item() == 0


@pytest.mark.parametrize('options', [dict(num_neighbors=0), dict(hidden_channels=(0, 4))])
def test_bad_arguments_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match='must be >= 1'):
        NeighborhoodConsistency(D, **options)
