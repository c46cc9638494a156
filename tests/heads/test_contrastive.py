"""InfoNCEHead and HierarchicalConsistencyHead against loops."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor

from skelreg.errors import ConfigError
from skelreg.heads.hierarchical import HierarchicalConsistencyHead
from skelreg.heads.info_nce import InfoNCEHead
from skelreg.learner.learner import Learner
from skelreg.structures import Features, MultiView, Step, View
from tests.reference import contrast as reference

N, D, K = 6, 5, 11


def unit(*shape: int, seed: int) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.nn.functional.normalize(torch.randn(shape, generator=generator), dim=-1)


def make_step(num_views: int, queries: list[Tensor] | None = None) -> Step:
    queries = queries or [unit(N, D, seed=seed) for seed in range(num_views)]
    views = tuple(View(f'stage_{i}', torch.tensor(float(i))) for i in range(num_views))
    keys = unit(N, D, seed=100)
    return Step(
        MultiView(views, key=View('key', torch.zeros(()))),
        encode=lambda view: Features(queries[int(view.skeleton)]),
        project=lambda z: z,
        encode_key=lambda _: 3 * keys,
        negatives=unit(K, D, seed=101),
    )


def rows_of(step: Step) -> list[list[list[float]]]:
    queue = step.negatives.double().tolist()
    keys = step.keys.double().tolist()
    return [reference.similarities(query.double().tolist(), keys, queue) for query in step.queries]


def test_info_nce_head_takes_the_weakest_view() -> None:
    step = make_step(3)
    terms = InfoNCEHead(temperature=0.2)(step)
    expected = reference.info_nce(rows_of(step)[0], 0.2)
    assert terms.losses['info_nce'].item() == pytest.approx(expected, rel=1e-5)


def test_info_nce_head_counts_keys_that_come_first() -> None:
    step = make_step(1)
    right = [row[0] > max(row[1:]) for row in rows_of(step)[0]]
    assert InfoNCEHead()(step).diagnostics['top1'].item() == pytest.approx(sum(right) / N)


def test_collapse_costs_the_logarithm_of_all_candidates() -> None:
    same = unit(1, D, seed=0)
    step = make_step(2, [same.expand(N, D)] * 2)
    step.__dict__['keys'] = same.expand(N, D)
    object.__setattr__(step, 'negatives', same.expand(K, D))
    losses = HierarchicalConsistencyHead()(step).losses
    for value in losses.values():
        assert value.item() == pytest.approx(math.log(K + 1), rel=1e-5)


@pytest.mark.parametrize('num_views', [2, 3, 5])
def test_every_level_agrees_with_the_loop(num_views: int) -> None:
    step = make_step(num_views)
    losses = HierarchicalConsistencyHead(temperature=0.2)(step).losses
    rows = rows_of(step)
    expected = {'info_nce': reference.info_nce(rows[0], 0.2)}
    for i in range(1, num_views):
        expected[f'level_{i}'] = reference.consistency(rows[i - 1], rows[i], 0.2) / (num_views - 1)
    assert {name: value.item() for name, value in losses.items()} == pytest.approx(expected, rel=1e-5)


def test_level_weights_multiply_their_level() -> None:
    step = make_step(3)
    plain = HierarchicalConsistencyHead(level_weights=[1, 1])(step).losses
    weighted = HierarchicalConsistencyHead(level_weights=[0.25, 3])(step).losses
    ratios = [(weighted[f'level_{i}'] / plain[f'level_{i}']).item() for i in (1, 2)]
    assert ratios == pytest.approx([0.25, 3])


def test_level_weights_of_another_number_of_views_are_refused_when_the_config_is_built() -> None:
    policy = dict(type='GrowingPolicy', stages=[[], [], []], key=[])
    with pytest.raises(ConfigError, match='are for 2 ordered views') as caught:
        Learner(
            dict(type='STGCN', hidden_channels=2, out_channels=4),
            projector=dict(type='MLPProjection', out_channels=4),
            key_encoder={},
            queue=dict(size=8),
            heads=dict(hierarchy=dict(type='HierarchicalConsistencyHead', level_weights=[1.0])),
            data_preprocessor=dict(type='SkeletonPreprocessor', policy=policy),
        )
    assert 'heads.hierarchy' in str(caught.value)


@pytest.mark.parametrize('level', [1, 2])
def test_each_level_teaches_the_stronger_view_only(level: int) -> None:
    queries = [unit(N, D, seed=seed).requires_grad_() for seed in range(3)]
    losses = HierarchicalConsistencyHead()(make_step(3, queries)).losses
    losses[f'level_{level}'].backward()
    reached = [query.grad is not None for query in queries]
    assert reached == [i == level for i in range(3)]


#: Direction -> which of the two views of a level learns.
LEARNS = {
    'weak_teaches': (False, True),
    'strong_teaches': (True, False),
    'symmetric': (True, True),
    'no_stop_gradient': (True, True),
}


@pytest.mark.parametrize('distance', ['distribution', 'cosine', 'l1'])
@pytest.mark.parametrize('direction', LEARNS)
def test_the_direction_says_which_view_learns(direction: Any, distance: Any) -> None:
    queries = [unit(N, D, seed=seed).requires_grad_() for seed in range(2)]
    head = HierarchicalConsistencyHead(direction=direction, distance=distance)
    head(make_step(2, queries)).losses['level_1'].backward()
    assert tuple(query.grad is not None for query in queries) == LEARNS[direction]


@pytest.mark.parametrize('distance', ['distribution', 'cosine', 'l1'])
@pytest.mark.parametrize('direction', LEARNS)
def test_every_distance_and_direction_agrees_with_the_loop(direction: Any, distance: Any) -> None:
    step = make_step(2)
    head = HierarchicalConsistencyHead(temperature=0.2, direction=direction, distance=distance)
    compared = rows_of(step) if distance == 'distribution' else [q.double().tolist() for q in step.queries]
    weak, strong = compared

    def loop(target: Any, prediction: Any) -> float:
        if distance == 'distribution':
            return reference.consistency(target, prediction, 0.2)
        return getattr(reference, distance)(target, prediction)

    forward, backward = loop(weak, strong), loop(strong, weak)
    expected = {'strong_teaches': backward, 'symmetric': (forward + backward) / 2}.get(direction, forward)
    assert head(step).losses['level_1'].item() == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize(
    ('start', 'epoch', 'mines'), [(None, 99, False), (3, 2, False), (3, 3, True), (0, 0, True)]
)
def test_neighbours_are_mined_from_an_epoch_on(start: int | None, epoch: int, mines: bool) -> None:
    head = HierarchicalConsistencyHead(temperature=0.2, mining_start_epoch=start, topk=2)
    head.set_epoch(epoch)
    step = make_step(3)
    rows = rows_of(step)
    positives = reference.mine(rows, 2) if mines else [{0}] * N
    expected = reference.multi_positive(rows[0], positives, 0.2)
    assert head(step).losses['info_nce'].item() == pytest.approx(expected, rel=1e-5)


def test_mining_leaves_the_levels_as_they_are() -> None:
    step, head = make_step(3), HierarchicalConsistencyHead(mining_start_epoch=0)
    before = head(step).losses
    head.set_epoch(0)
    after = head(step).losses
    assert before['info_nce'] != after['info_nce']
    assert all(before[name] == after[name] for name in ('level_1', 'level_2'))


@pytest.mark.parametrize(
    ('head', 'arguments', 'message'),
    [
        (InfoNCEHead, dict(temperature=0), 'temperature must be > 0'),
        (HierarchicalConsistencyHead, dict(temperature=-1), 'temperature must be > 0'),
        (HierarchicalConsistencyHead, dict(topk=0), 'topk must be >= 1'),
        (HierarchicalConsistencyHead, dict(level_weights=[]), 'level_weights'),
        (HierarchicalConsistencyHead, dict(direction='up'), 'direction must be one of weak_teaches'),
        (HierarchicalConsistencyHead, dict(distance='l2'), 'distance must be one of distribution'),
    ],
)
def test_bad_arguments_are_refused(head: type, arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        head(**arguments)
