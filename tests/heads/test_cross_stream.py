"""CrossStreamHead against loops, and learners with a branch for each stream."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import pytest
import torch
from torch import Tensor

from skelreg.compat.weights import load_weights
from skelreg.errors import CheckpointError, ConfigError
from skelreg.functional.streams import to_stream
from skelreg.heads.cross_stream import CrossStreamHead
from skelreg.learner.learner import Learner
from skelreg.structures import Features, MultiView, Step, View
from tests.learner.small import contrastive, is_same, policy, run
from tests.reference import contrast as reference

N, D, K = 5, 4, 9
STREAMS = ('joint', 'motion', 'bone')


def unit(*shape: int, seed: int) -> Tensor:
    return torch.nn.functional.normalize(
        torch.randn(shape, generator=torch.Generator().manual_seed(seed)), dim=-1
    )


def one_stream(seed: int, queries: Tensor, **more: Any) -> Step:
    keys = unit(N, D, seed=seed + 100)
    view = View('stage_0', torch.zeros(()))
    return Step(
        MultiView((view,), key=view), encode=lambda _: Features(queries), project=lambda z: z,
        encode_key=lambda _: keys, negatives=unit(K, D, seed=seed + 200), **more,
    )


def make_step(queries: list[Tensor] | None = None) -> Step:
    own, *others = queries or [unit(N, D, seed=i) for i in range(3)]
    steps = [one_stream(i, queries) for i, queries in enumerate(others, 1)]
    return one_stream(0, own, branch_steps=dict(zip(STREAMS[1:], steps, strict=True)))


def losses_of(head: CrossStreamHead, step: Step) -> dict[str, float]:
    return {name: loss.item() for name, loss in head(step).losses.items()}


def rows_of(step: Step) -> dict[str, list[list[float]]]:
    steps = {'joint': step, **step.branches}
    return {stream: own.similarities[0].double().tolist() for stream, own in steps.items()}


@pytest.mark.parametrize('epoch', [0, 2])
def test_before_mining_every_stream_is_by_itself(epoch: int) -> None:
    step, head = make_step(), CrossStreamHead(temperature=0.2, mining_start_epoch=3)
    head.set_epoch(epoch)
    expected = {stream: reference.info_nce(rows, 0.2) for stream, rows in rows_of(step).items()}
    assert losses_of(head, step) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize('context', [True, False])
@pytest.mark.parametrize('topk', [1, 3])
def test_then_each_learns_from_the_neighbours_of_the_others(topk: int, context: bool) -> None:
    step, head = make_step(), CrossStreamHead(0.2, mining_start_epoch=3, topk=topk, context=context)
    head.set_epoch(3)
    rows = rows_of(step)
    expected = dict.fromkeys(STREAMS, 0.0)
    for own, other in permutations(STREAMS, 2):
        expected[own] += reference.cross_stream(rows[own], rows[other], topk, context, 0.2) / 2
    assert losses_of(head, step) == pytest.approx(expected, rel=1e-4)


def test_without_context_only_the_own_stream_learns() -> None:
    queries = [unit(N, D, seed=i).requires_grad_() for i in range(3)]
    head = CrossStreamHead(mining_start_epoch=0, context=False)
    head.set_epoch(0)
    head(make_step(queries)).losses['motion'].backward()
    assert [query.grad is not None for query in queries] == [False, True, False]


def crossing(**arguments: Any) -> Learner:
    cross = dict(type='CrossStreamHead', mining_start_epoch=0)
    model = contrastive(1, **{'branches': ('motion', 'bone'), 'heads': dict(cross=cross), **arguments})
    model.init_weights()
    return model


def test_every_branch_moves_its_own_key_encoder_and_fills_its_own_queue_alike() -> None:
    model = crossing()
    parts = [model, *model.branches.values()]
    for part in parts:
        assert is_same(part.key_encoder.encoder.state_dict(), part.query_encoder().state_dict())
    queues = [part.queue.features.clone() for part in parts]
    total, logged = model.parse_losses(run(model))
    total.backward()
    assert set(logged) >= {'cross/joint', 'cross/motion', 'cross/bone', 'cross/top1_bone'}
    for part, before in zip(parts, queues, strict=True):
        assert all(p.grad is not None for p in part.query_encoder().parameters())
        assert int(part.queue.pointer) == 8 and not torch.equal(part.queue.features[:8], before[:8])
        assert torch.equal(part.queue.features[8:], before[8:])
    weights = [part.backbone.linear.weight for part in parts]
    assert not torch.equal(weights[0], weights[1]) and not torch.equal(weights[1], weights[2])
    with torch.no_grad():
        model.branches.bone.backbone.linear.weight.add_(1)
    before = model.branches.bone.key_encoder.encoder['backbone'].linear.weight.clone()
    run(model)
    assert not torch.equal(model.branches.bone.key_encoder.encoder['backbone'].linear.weight, before)


def test_branches_see_the_same_views_in_their_stream() -> None:
    model = crossing()
    batch = model.data_preprocessor({'inputs': torch.randn(4, 3, 12, 25, 2)}, training=True)
    multi_view = batch['multi_view']
    step = model.make_step(multi_view)
    for stream, branch in step.branches.items():
        for own, theirs in ((step.views[0], branch.views[0]), (multi_view.key, branch.multi_view.key)):
            assert torch.equal(theirs.skeleton, to_stream(own.skeleton, stream, 'ntu_rgbd'))


@pytest.mark.parametrize('stream', STREAMS)
def test_an_encoder_of_a_stream_takes_its_branch_out_of_the_checkpoint(stream: str) -> None:
    trained = crossing()
    checkpoint = {'meta': {'stream': 'joint'}, 'state_dict': trained.state_dict()}
    preprocessor = {**policy(1), 'stream': stream}
    model = contrastive(1, data_preprocessor=preprocessor)
    load_weights(model, checkpoint, where='file', prefixes=('backbone.',))
    source = trained if stream == 'joint' else trained.branches[stream]
    assert is_same(model.backbone.state_dict(), source.backbone.state_dict())


def test_a_checkpoint_without_the_stream_is_still_refused() -> None:
    checkpoint = {'meta': {'stream': 'joint'}, 'state_dict': crossing(branches=('bone',)).state_dict()}
    model = contrastive(1, data_preprocessor={**policy(1), 'stream': 'motion'})
    with pytest.raises(CheckpointError, match='another stream'):
        load_weights(model, checkpoint, where='file', prefixes=('backbone.',))


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        (dict(branches=('joint',)), 'different streams beside the joint one'),
        (dict(branches=('bone', 'bone')), 'different streams beside the joint one'),
        (dict(branches=()), "CrossStreamHead needs 'branches'"),
        (dict(heads=dict(contrast=dict(type='InfoNCEHead'))), 'no head looks at the branches'),
        (dict(data_preprocessor={**policy(1), 'stream': 'bone'}), "learner's own stream is another"),
    ],
)
def test_branches_that_do_not_fit_are_refused(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        crossing(**arguments)
