from __future__ import annotations

import json

import pytest
import torch
from mmengine.hooks import Hook
from torch import nn

from skelreg.engine.hooks import CompileHook, ProgressHook
from skelreg.engine.scalars import ScalarLog
from skelreg.structures import Features
from tests.engine.toys import ToyBackbone, ToyDataset, loader, toy_learner, toy_runner, training


class Listener(nn.Module):
    """Notes the epochs that it is told."""

    def __init__(self) -> None:
        super().__init__()
        self.epochs: list[int] = []

    def set_epoch(self, epoch: int) -> None:
        self.epochs.append(epoch)


class ListeningDataset(ToyDataset):
    heard: list[int]

    def set_epoch(self, epoch: int) -> None:
        self.heard = [*getattr(self, 'heard', []), epoch]


class StartAt(Hook):
    """Starts in a later epoch, as a resumed run does."""

    def before_train(self, runner) -> None:
        runner.train_loop._epoch = 2
        runner.train_loop._iter = 2 * len(runner.train_loop.dataloader)


def run(work_dir, name='toy', epochs=3, hooks=(), progress=None, model=None, **arguments):
    settings = training(ToyDataset(), epochs=epochs)
    model = model or toy_learner()
    model.listener = Listener()
    hook = dict(type='ProgressHook', **(progress or {}))
    defaults = dict(logger=hook, checkpoint=None)
    runner = toy_runner(
        work_dir, model, name, custom_hooks=list(hooks), default_hooks=defaults, **{**settings, **arguments}
    )
    runner.train()
    return runner


def lines(work_dir):
    return [json.loads(line) for line in (work_dir / 'scalars.jsonl').read_text().splitlines()]


def test_parts_are_told_every_epoch_from_zero(work_dir):
    assert run(work_dir, hooks=[dict(type='SetEpochHook')]).model.listener.epochs == [0, 1, 2]


def test_a_resumed_run_tells_the_epoch_it_resumes_in(work_dir):
    hooks = [dict(type='SetEpochHook'), StartAt()]
    assert run(work_dir, hooks=hooks, epochs=4).model.listener.epochs == [2, 3]


def test_the_dataset_is_told_the_epoch(work_dir):
    arguments = dict(train_dataloader=loader(ListeningDataset()))
    runner = run(work_dir, hooks=[dict(type='SetEpochHook')], **arguments)
    assert runner.train_loop.dataloader.dataset.heard == [0, 1, 2]


def test_an_epoch_prints_one_line(work_dir, capsys):
    run(work_dir)
    printed = [line for line in capsys.readouterr().out.splitlines() if line.startswith('epoch')]
    assert [line.split('  ')[0] for line in printed] == ['epoch 1/3', 'epoch 2/3', 'epoch 3/3']
    for word in ('loss ', 'lr 1', '/epoch', 'eta '):
        assert word in printed[0]
    assert printed[-1].endswith('eta 0.00s')


def test_terms_keep_their_own_names(work_dir, capsys):
    run(work_dir)
    terms = [name for name in lines(work_dir)[0] if name.startswith('classification/')]
    assert terms
    printed = capsys.readouterr().out
    assert all(term in printed for term in terms)


def test_epochs_between_the_printed_ones_are_still_written(work_dir, capsys):
    run(work_dir, epochs=7, progress=dict(every=3))
    printed = [line for line in capsys.readouterr().out.splitlines() if line.startswith('epoch')]
    assert [line[6] for line in printed] == ['1', '3', '6', '7']
    assert [line['epoch'] for line in lines(work_dir)] == [1, 2, 3, 4, 5, 6, 7]


def test_the_loss_is_the_mean_over_the_epoch(work_dir):
    run(work_dir, epochs=2, progress=dict(iter_interval=1))
    by_iteration = [line['loss'] for line in lines(work_dir) if 'seconds' not in line]
    by_epoch = [line['loss'] for line in lines(work_dir) if 'seconds' in line]
    assert by_epoch == pytest.approx([sum(by_iteration[:5]) / 5, sum(by_iteration[5:]) / 5])


def test_a_new_run_starts_the_file_anew_and_a_resumed_one_continues_it(work_dir):
    run(work_dir, 'first', epochs=3)
    run(work_dir, 'second', epochs=3)
    assert [line['epoch'] for line in lines(work_dir)] == [1, 2, 3]
    run(work_dir, 'third', epochs=4, hooks=[dict(type=StartAt, priority='VERY_HIGH')])
    assert [(line['epoch'], line['iter']) for line in lines(work_dir)] == [(1, 5), (2, 10), (3, 15), (4, 20)]


def test_validation_is_printed_and_written(work_dir, capsys):
    run(
        work_dir, val_dataloader=loader(ToyDataset(23, seed=1)), val_cfg=dict(type='FrozenFeatureValLoop'),
        val_evaluator=dict(type='ClassificationMetric'),
    )
    written = [line for line in lines(work_dir) if line['mode'] == 'val']
    assert [(line['epoch'], line['iter']) for line in written] == [(1, 5), (2, 10), (3, 15)]
    assert f'val  accuracy/top1 {written[0]["accuracy/top1"]:.4g}' in capsys.readouterr().out


def test_a_long_epoch_shows_that_it_is_alive(work_dir, capsys):
    run(work_dir, epochs=1, progress=dict(heartbeat=1e-9))
    assert 'epoch 1/1, batch 2/5  loss ' in capsys.readouterr().out


def test_bad_settings_are_refused():
    with pytest.raises(ValueError, match='every must be >= 1'):
        ProgressHook(every=0)


def test_a_line_that_a_kill_left_unfinished_is_cut(tmp_path):
    log = ScalarLog(tmp_path / 'scalars.jsonl')
    for iteration in (5, 10, 15):
        log.append('train', iteration // 5, iteration, {'loss': 1.0})
    log.path.write_text(log.path.read_text() + '{"mode": "tra')
    log.cut(10)
    assert [line['iter'] for line in log.read()] == [5, 10]


def test_a_loss_that_is_not_finite_is_written_as_null(tmp_path):
    log = ScalarLog(tmp_path / 'scalars.jsonl')
    log.append('train', 1, 5, {'loss': float('nan'), 'lr': 0.1})
    assert log.read() == [{'mode': 'train', 'epoch': 1, 'iter': 5, 'loss': None, 'lr': 0.1}]


def test_compiling_changes_neither_names_nor_results(work_dir):
    graphs = []

    def backend(graph, inputs):
        graphs.append(graph)
        return graph.forward

    class Backbone(ToyBackbone):
        def forward(self, x):
            return Features(self.linear(self.norm(x.mean(dim=(2, 4)).flatten(1))).relu())

    def weights(name, **settings):
        torch.manual_seed(0)
        model = toy_learner(frozen=(), backbone=Backbone())
        whole = dict(by_epoch=True, max_epochs=2)
        return run(work_dir, name, model=model, train_cfg=whole, **settings).model.state_dict()

    torch.testing.assert_close(
        weights('compiled', hooks=[CompileHook(backend)]), weights('plain'), rtol=1e-5, atol=1e-6
    )
    assert graphs
