from __future__ import annotations

import json
import logging
import math
from types import SimpleNamespace

import pytest
import torch
from mmengine.logging import MessageHub

from skelreg.engine.collapse import CollapseMonitor
from tests.engine.toys import ToyDataset, contrastive_learner, loader, toy_runner

CHANCE = math.log(17)


def sphere(n: int = 32, d: int = 8, seed: int = 0) -> torch.Tensor:
    x = torch.randn(n, d, generator=torch.Generator().manual_seed(seed))
    return torch.nn.functional.normalize(x, dim=1)


class Watched:
    """A runner whose model shows whatever a test wants the monitor to see."""

    def __init__(self, name: str, **monitor) -> None:
        term = SimpleNamespace(component=SimpleNamespace(needs={'similarities'}), factor=1.0)
        self.model = SimpleNamespace(
            last_keys=sphere(), last_queries=(sphere(seed=1),), queue=SimpleNamespace(size=16),
            heads={'contrast': term},
        )
        self.message_hub = MessageHub.get_instance(name)
        self.train_loop = SimpleNamespace(dataloader=range(10))
        self.epoch = self.iter = 0
        self.monitor = CollapseMonitor(interval=1, **monitor)

    def steps(self, n: int, loss: float = 1.0, level: float = 0.3) -> None:
        outputs = {'loss': loss + level, 'contrast/info_nce': loss, 'contrast/level_1': level}
        for _ in range(n):
            self.monitor.after_train_iter(self, self.iter % 10, outputs=outputs)
            self.iter += 1


@pytest.fixture
def watched(request, caplog):
    caplog.set_level(logging.WARNING, 'skelreg')
    return Watched(request.node.name)


def test_a_healthy_run_is_left_in_peace(watched, caplog):
    watched.steps(50)
    assert caplog.text == ''


def test_a_loss_at_chance_is_told_once_with_its_multiple(watched, caplog):
    watched.steps(50, loss=CHANCE, level=CHANCE)
    assert len(caplog.records) == 1
    assert 'ln(K + 1) for the 16 vectors' in caplog.text
    assert '2.00 times' in caplog.text


def test_the_weight_of_a_head_is_taken_out_of_its_loss(watched, caplog):
    watched.model.heads['contrast'].factor = 0.5
    watched.steps(50, loss=CHANCE / 2)
    assert f'stays at {CHANCE:.3f}, which is' in caplog.text


def test_a_loss_that_passes_through_chance_is_no_collapse(watched, caplog):
    for i in range(50):
        watched.steps(1, loss=CHANCE * (1.05 - 0.002 * i))
    assert caplog.text == ''


def test_keys_that_are_all_alike_are_told_once(watched, caplog):
    watched.model.last_keys = torch.ones(32, 8) + 0.01 * sphere()
    watched.steps(20)
    assert len(caplog.records) == 1
    assert 'nearly the same key' in caplog.text
    assert 'What helps: a lower learning rate' in caplog.text


def test_features_without_spread_are_told_once(watched, caplog):
    watched.model.last_queries = (torch.ones(32, 8) + 0.01 * sphere(),)
    watched.steps(20)
    assert len(caplog.records) == 1
    assert 'hardly differ' in caplog.text


def test_features_on_a_line_are_told_once(watched, caplog):
    watched.model.last_queries = (torch.linspace(-1, 1, 32)[:, None] * sphere(1),)
    watched.steps(20)
    assert len(caplog.records) == 1
    assert 'a single direction only' in caplog.text


def test_features_that_are_not_finite_are_told(watched, caplog):
    watched.model.last_queries = (torch.full((32, 8), math.nan),)
    watched.steps(20)
    assert 'hardly differ' in caplog.text


def test_a_bad_start_within_the_patience_is_forgiven(watched, caplog):
    good, watched.model.last_keys = watched.model.last_keys, torch.ones(32, 8)
    watched.steps(2)
    watched.model.last_keys = good
    watched.steps(1)
    watched.model.last_keys = torch.ones(32, 8)
    watched.steps(2)
    assert caplog.text == ''


def test_a_learner_without_keys_and_queue_is_left_in_peace(watched, caplog):
    watched.model = SimpleNamespace(last_keys=None, last_queries=(), queue=None, heads={})
    watched.steps(20)
    assert caplog.text == ''


def train(work_dir, model, lr, epochs=8):
    runner = toy_runner(
        work_dir, model, train_dataloader=loader(ToyDataset(64), batch_size=16, shuffle=True, drop_last=True),
        train_cfg=dict(by_epoch=True, max_epochs=epochs),
        optim_wrapper=dict(type='OptimWrapper', optimizer=dict(type='SGD', lr=lr, momentum=0.9)),
        custom_hooks=[dict(type='SetEpochHook'), dict(type='CollapseMonitor')],
        default_hooks=dict(logger=dict(type='ProgressHook'), checkpoint=None),
    )
    runner.train()


def test_a_learner_that_trains_well_is_left_in_peace_and_its_numbers_are_written(work_dir, caplog):
    caplog.set_level(logging.WARNING, 'skelreg')
    train(work_dir, contrastive_learner(), lr=0.05)
    assert [r for r in caplog.records if r.name == 'skelreg'] == []
    last = json.loads((work_dir / 'scalars.jsonl').read_text().splitlines()[-1])
    names = {f'collapse/{name}' for name in ('key_cosine', 'query_spread', 'query_rank', 'chance_ratio')}
    assert names <= set(last)


def test_a_ramp_is_taken_out_of_the_loss_and_a_weight_of_zero_measures_nothing(work_dir):
    heads = dict(contrast=dict(type='InfoNCEHead', ramp=4))
    train(work_dir, contrastive_learner(heads=heads), lr=0.05, epochs=3)
    lines = [json.loads(line) for line in (work_dir / 'scalars.jsonl').read_text().splitlines()]
    expected = [None, *(pytest.approx(4 * lines[e]['loss'] / e / CHANCE, rel=1e-4) for e in (1, 2))]
    assert [line.get('collapse/chance_ratio') for line in lines] == expected


def test_a_learner_that_collapses_is_told_all_causes(work_dir, caplog):
    caplog.set_level(logging.WARNING, 'skelreg')
    model = contrastive_learner(key_encoder=dict(momentum=0.5), queue=dict(size=16))
    for layer in (model.projector.layers[0], model.key_encoder.encoder['projector'].layers[0]):
        torch.nn.init.zeros_(layer.weight)
        torch.nn.init.ones_(layer.bias)
    train(work_dir, model, lr=0.0)
    told = '\n'.join(r.getMessage() for r in caplog.records if r.name == 'skelreg')
    for words in ('blindly', 'nearly the same key', 'hardly differ'):
        assert told.count(words) == 1
    assert told.count('What helps') == 1
