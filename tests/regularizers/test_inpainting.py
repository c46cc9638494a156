from __future__ import annotations

from typing import Any

import pytest
import torch

from skelreg.errors import ConfigError
from skelreg.regularizers.inpainting import SkeletonInpainting
from tests.regularizers.small import CLASSES, D, Network, is_zero, skeletons

MASKS = ['BlockMask', 'FrameMask', 'JointMask', 'PartMask']


def term(mask: str = 'BlockMask', **options: Any) -> SkeletonInpainting:
    torch.manual_seed(3)
    cfg = dict(type=mask) if mask in ('BlockMask', 'PartMask') else dict(type=mask, ratio=0.5)
    return SkeletonInpainting(D, mask=cfg, decoder_channels=4, layout='nucla', **options)


def by_hand(made: SkeletonInpainting, net: Network, x: Any, seed: int) -> tuple[Any, Any, Any]:
    """Hidden places (N, T, V, 1), reconstruction and error of sequences x."""
    torch.manual_seed(seed)
    masked = made.mask(x)
    found = made.decoder(net.encoder(masked), x.shape[2])
    return (masked != x).any(dim=1), found, (found - x) ** 2


@pytest.mark.parametrize('mask', MASKS)
@pytest.mark.parametrize('region', ['all', 'masked'])
def test_the_loss_is_the_mean_over_the_region_of_unlabelled_sequences(mask: str, region: Any) -> None:
    made, net, x = term(mask, region=region), Network(), skeletons()
    hidden, _, error = by_hand(made, net, x[3:], seed=5)
    torch.manual_seed(5)
    loss = made(net.step(x)).losses['reconstruction'].item()
    chosen = hidden[:, None].expand_as(error) | (region == 'all')
    assert 0 < hidden.float().mean() < 1
    values = [float(error.detach()[place]) for place in map(tuple, chosen.nonzero().tolist())]
    assert loss == pytest.approx(sum(values) / len(values), rel=1e-4)


def test_all_sequences_can_be_reconstructed() -> None:
    made, net, x = term(sequences='all'), Network(), skeletons()
    labels = torch.arange(len(x)) % CLASSES
    *_, error = by_hand(made, net, x, seed=5)
    torch.manual_seed(5)
    found = made(net.step(x, labels=labels)).losses['reconstruction']
    torch.testing.assert_close(found, error.mean())
    assert made.needs == {'extra_views'}


def test_absent_bodies_are_not_scored() -> None:
    made, net, x = term(), Network(), skeletons()
    x[4] = 0
    *_, error = by_hand(made, net, x[3:], seed=5)
    torch.manual_seed(5)
    expected = error[[0, 2]].mean().item()
    assert made(net.step(x)).losses['reconstruction'].item() == pytest.approx(expected, rel=1e-4)


def test_the_gradient_reaches_encoder_decoder_and_fill() -> None:
    made, net = term(), Network()
    made(net.step(skeletons())).losses['reconstruction'].backward()
    assert not is_zero(net.encoder[1].weight.grad)
    assert all(not is_zero(parameter.grad) for parameter in made.parameters())


def test_a_batch_without_unlabelled_sequences_costs_nothing() -> None:
    made, net = term(), Network()
    loss = made(net.step(skeletons(), labels=torch.zeros(6, dtype=torch.int64))).losses['reconstruction']
    loss.backward()
    assert loss.item() == 0


def test_another_number_of_bodies_is_refused_with_what_to_set() -> None:
    with pytest.raises(ConfigError, match='set max_bodies=1'):
        term(max_bodies=2)(Network().step(skeletons()))


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (dict(region='hidden'), 'region must be'),
        (dict(sequences='some'), 'sequences must be'),
        (dict(decoder_layers=0), 'at least one'),
        (dict(max_bodies=0), 'at least one'),
    ],
)
def test_bad_arguments_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        term(**options)
