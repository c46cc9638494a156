"""Killed at any moment and resumed, a run ends where the uninterrupted one does."""

from __future__ import annotations

import random
import shutil
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from skelreg.compat.checkpoint import LAST, newest_whole
from skelreg.compat.files import load_file, save_file
from skelreg.compat.runner import SkelregRunner
from skelreg.compat.seeding import seed_everything
from skelreg.errors import CheckpointError
from tests.compat import toy

# Each save calls: save, fsync (file), replace, fsync (folder), unlink (of an unfinished file, if there is
# one); the same without save for the pointer; then unlink of the oldest, from the second save on. These
# are the calls of the third save.
MOMENTS = [
    ('save', 3, False), ('fsync', 9, False), ('fsync', 9, True), ('replace', 5, True),
    ('replace', 6, False), ('replace', 6, True), ('unlink', 8, False), ('unlink', 8, True),
]


def resume(work_dir: Path, **options: Any) -> Any:
    random.seed(), np.random.seed(), torch.seed()
    training = toy.runner(work_dir, resume=True, **options)
    training.train()
    return training


@pytest.mark.parametrize(('target', 'call', 'after'), MOMENTS)
def test_a_run_killed_while_saving_ends_as_the_uninterrupted_one(
    tmp_path: Path, uninterrupted: Path, start: Callable[..., Any], target: str, call: int, after: bool
) -> None:
    process = start(toy.train_until_killed, tmp_path, target, call, after)
    process.join(60)
    assert process.exitcode == -signal.SIGKILL
    found = newest_whole(tmp_path)
    assert found is not None and found[1]['meta']['epoch'] in (2, 3)
    resume(tmp_path, keep=1)
    toy.assert_same(toy.weights(tmp_path, 'epoch_4'), toy.weights(uninterrupted, 'epoch_4'))
    assert sorted(p.name for p in tmp_path.glob('*.pth')) == ['epoch_4.pth']
    assert (tmp_path / LAST).read_text() == 'epoch_4.pth'


@pytest.mark.parametrize('workers', [0, 2])
def test_a_noisy_dataset_resumes_exactly(tmp_path: Path, workers: int) -> None:
    toy.runner(tmp_path / 'whole', noisy=True, workers=workers).train()
    toy.runner(tmp_path / 'part', epochs=2, noisy=True, workers=workers).train()
    resume(tmp_path / 'part', noisy=True, workers=workers)
    toy.assert_same(toy.weights(tmp_path / 'part', 'epoch_4'), toy.weights(tmp_path / 'whole', 'epoch_4'))


def test_workers_draw_other_numbers_in_each_epoch() -> None:
    loader = SkelregRunner.build_dataloader(
        dict(
            dataset=toy.Points(noisy=True), batch_size=16, num_workers=1,
            sampler=dict(type='DefaultSampler', shuffle=False),
        ),
        seed=0,
    )
    epochs = []
    for epoch in (0, 1):
        seed_everything(0, step=epoch, purpose='epoch')
        epochs += [torch.stack(batch['inputs']) for batch in loader]
    assert len(epochs) == 2 and not torch.equal(*epochs)


def test_an_iteration_based_run_resumes_inside_an_epoch(tmp_path: Path) -> None:
    def train(work_dir: Path, iterations: int, resume: bool = False) -> Any:
        loop = dict(by_epoch=False, max_iters=iterations)
        schedule = [dict(type='StepLR', step_size=5, gamma=0.5, by_epoch=False)]
        training = toy.runner(work_dir, train_cfg=loop, schedule=schedule, resume=resume)
        training.train()
        return training

    train(tmp_path / 'whole', 15)
    train(tmp_path / 'part', 6)
    train(tmp_path / 'part', 15, resume=True)
    toy.assert_same(toy.weights(tmp_path / 'part', 'iter_15'), toy.weights(tmp_path / 'whole', 'iter_15'))


def test_another_seed_gives_another_run(tmp_path: Path, uninterrupted: Path) -> None:
    toy.runner(tmp_path, randomness=dict(seed=1)).train()
    with pytest.raises(AssertionError):
        toy.assert_same(toy.weights(tmp_path, 'epoch_4'), toy.weights(uninterrupted, 'epoch_4'))


def test_a_damaged_last_checkpoint_falls_back_to_the_newest_whole_one(
    tmp_path: Path, uninterrupted: Path
) -> None:
    for name in ('epoch_2.pth', 'epoch_3.pth', LAST):
        shutil.copy2(uninterrupted / name, tmp_path)
    newest = tmp_path / 'epoch_3.pth'
    newest.write_bytes(newest.read_bytes()[:-500])
    assert newest_whole(tmp_path)[0].name == 'epoch_2.pth'
    resume(tmp_path)
    toy.assert_same(toy.weights(tmp_path, 'epoch_4'), toy.weights(uninterrupted, 'epoch_4'))


@pytest.mark.parametrize('pointer', [None, 'epoch_9.pth', '\x00\xff'])
def test_the_pointer_file_is_not_needed(tmp_path: Path, uninterrupted: Path, pointer: str | None) -> None:
    shutil.copy2(uninterrupted / 'epoch_3.pth', tmp_path)
    if pointer is not None:
        (tmp_path / LAST).write_text(pointer)
    assert newest_whole(tmp_path)[0].name == 'epoch_3.pth'


def test_a_run_is_not_silently_restarted_when_no_checkpoint_is_whole(tmp_path: Path) -> None:
    (tmp_path / 'epoch_1.pth').write_bytes(b'')
    with pytest.raises(CheckpointError, match='no checkpoint here can be resumed from'):
        resume(tmp_path)


def test_resuming_in_an_empty_folder_starts_from_the_beginning(tmp_path: Path, uninterrupted: Path) -> None:
    resume(tmp_path)
    toy.assert_same(toy.weights(tmp_path, 'epoch_4'), toy.weights(uninterrupted, 'epoch_4'))


def test_config_text_in_a_checkpoint_is_not_executed(tmp_path: Path, uninterrupted: Path) -> None:
    saved = load_file(uninterrupted / 'epoch_3.pth')
    mark = tmp_path / 'executed'
    planted = f'open({str(mark)!r}, "w").close()'
    saved['meta'].update(config=planted, config_text=planted, cfg=planted)
    save_file(saved, tmp_path / 'epoch_3.pth')
    resume(tmp_path)
    assert not mark.exists()


@pytest.mark.parametrize(
    ('options', 'message'),
    [(dict(randomness=dict(seed=5)), 'randomness.seed=0'), (dict(width=5), 'another width')],
)
def test_another_run_is_not_resumed(
    tmp_path: Path, uninterrupted: Path, options: dict[str, Any], message: str
) -> None:
    shutil.copy2(uninterrupted / 'epoch_3.pth', tmp_path)
    with pytest.raises(CheckpointError, match=message):
        resume(tmp_path, **options)


SGD = dict(type='SGD', lr=0.1, momentum=0.9)


@pytest.mark.parametrize('paramwise', [None, dict(bias_lr_mult=2.0)])
def test_the_options_of_the_optimizer_are_those_of_the_config(tmp_path: Path, paramwise: Any) -> None:
    toy.runner(tmp_path, epochs=2, optimizer=SGD, paramwise=paramwise).train()
    changed = dict(type='SGD', lr=0.1, momentum=0.5, weight_decay=0.25, nesterov=True)
    groups = resume(tmp_path, optimizer=changed, paramwise=paramwise).optim_wrapper.param_groups
    assert len(groups) == (1 if paramwise is None else 5)
    found = {tuple(group[name] for name in ('momentum', 'nesterov', 'weight_decay')) for group in groups}
    assert found == {(0.5, True, 0.25)}


def test_what_a_schedule_drives_is_resumed_exactly(tmp_path: Path) -> None:
    schedule = [dict(type='ExponentialLR', gamma=0.9), dict(type='ExponentialMomentum', gamma=0.9)]
    toy.runner(tmp_path / 'whole', schedule=schedule).train()
    toy.runner(tmp_path / 'part', epochs=2, schedule=schedule).train()
    resumed = resume(tmp_path / 'part', schedule=schedule).optim_wrapper.param_groups[0]
    assert resumed['momentum'] < 0.7
    toy.assert_same(toy.weights(tmp_path / 'part', 'epoch_4'), toy.weights(tmp_path / 'whole', 'epoch_4'))


def test_what_an_optimizer_has_counted_is_kept(tmp_path: Path) -> None:
    counting = dict(type=toy.Counting, lr=0.1, momentum=0.9)
    toy.runner(tmp_path, epochs=2, optimizer=counting).train()
    assert resume(tmp_path, optimizer=counting).optim_wrapper.param_groups[0]['counted'] == 16


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (dict(optimizer=dict(type='Adam', lr=0.1)), r'another optimizer(.|\n)*got: Adam\n  accepted: SGD'),
        (dict(paramwise=dict(bias_lr_mult=2.0)), 'other groups of parameters'),
    ],
)
def test_the_state_of_another_optimizer_is_refused(
    tmp_path: Path, uninterrupted: Path, options: dict[str, Any], message: str
) -> None:
    shutil.copy2(uninterrupted / 'epoch_3.pth', tmp_path)
    with pytest.raises(CheckpointError, match=message):
        resume(tmp_path, **options)


def test_a_checkpoint_that_does_not_name_its_optimizer_or_labels_is_resumed(
    tmp_path: Path, uninterrupted: Path
) -> None:
    saved = load_file(uninterrupted / 'epoch_3.pth')
    for name in ('optimizer', 'train_labels'):
        del saved['meta'][name]
    save_file(saved, tmp_path / 'epoch_3.pth')
    resume(tmp_path)
    toy.assert_same(toy.weights(tmp_path, 'epoch_4'), toy.weights(uninterrupted, 'epoch_4'))


def test_weights_alone_cannot_be_resumed(tmp_path: Path, uninterrupted: Path) -> None:
    saved = load_file(uninterrupted / 'epoch_3.pth')
    save_file({'state_dict': saved['state_dict']}, tmp_path / 'weights.pth')
    with pytest.raises(CheckpointError, match='lacks meta, optimizer'):
        resume(tmp_path, load_from=str(tmp_path / 'weights.pth'))
