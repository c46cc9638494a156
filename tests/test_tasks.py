"""Training and testing as the tools do it, on a few synthetic sequences."""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from skelreg import tasks
from skelreg.compat.files import load_file, save_file
from skelreg.engine.results import SCHEMA
from skelreg.engine.scores import read_scores
from skelreg.errors import CheckpointError, ConfigError, DataError
from tests.runs import HICLR, KNN, LINEAR, SKELETONCLR, small


@pytest.fixture(scope='module')
def pretrained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tasks.train(small(HICLR), tmp_path_factory.mktemp('pretrained'))


@pytest.fixture(scope='module')
def probed(pretrained: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tasks.train(small(LINEAR), tmp_path_factory.mktemp('probed'), pretrained=pretrained)


def test_pretraining_leaves_a_checkpoint_and_its_numbers(pretrained: Path) -> None:
    assert pretrained.name == 'epoch_1.pth'
    (line,) = [json.loads(text) for text in (pretrained.parent / 'scalars.jsonl').read_text().splitlines()]
    terms = [line[f'hierarchy/{name}'] for name in ('info_nce', 'level_1', 'level_2')]
    assert line['loss'] == pytest.approx(sum(terms))


def test_the_linear_protocol_keeps_the_pretrained_encoder(pretrained: Path, probed: Path) -> None:
    before, after = (load_file(path)['state_dict'] for path in (pretrained, probed))
    encoder = [name for name in after if name.startswith('backbone.')]
    assert encoder and all(torch.equal(before[name], after[name]) for name in encoder)


def test_probing_an_untrained_encoder_is_said(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    tasks.train(small(LINEAR), tmp_path)
    assert 'the encoder is frozen and untrained' in ''.join(capfd.readouterr())


def test_a_trial_does_not_replace_a_result(
    pretrained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    checkpoint = tmp_path / pretrained.name
    checkpoint.write_bytes(pretrained.read_bytes())
    tasks.test(small(KNN), checkpoint)
    tasks.test(small(KNN), checkpoint)
    first = (tmp_path / 'epoch_1.knn1.json').read_text()
    assert 'it is kept as' not in capsys.readouterr().out
    tasks.test(small(KNN, test_dataloader__dataset__split='464'), checkpoint)
    (kept,) = tmp_path.glob('epoch_1.knn1.2*.json')
    assert kept.read_text() == first and '464-clean' in first
    assert json.loads((tmp_path / 'epoch_1.knn1.json').read_text())['split'] == '464'
    told = capsys.readouterr().out
    assert f'epoch_1.knn1.json was of other data or of another config; it is kept as {kept.name}' in told


def test_the_scores_of_a_result_are_kept_with_it(probed: Path, tmp_path: Path) -> None:
    for path in probed.parent.glob('epoch_1.*'):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    tasks.test(small(LINEAR, test_dataloader__dataset__split='464'), tmp_path / probed.name)
    splits = {path.name: read_scores(path).info['split'] for path in tmp_path.glob('*.scores.npz')}
    assert len(splits) == 2 and splits.pop('epoch_1.linear.scores.npz') == '464'
    (kept,) = splits
    assert splits[kept] == '464-clean' and (tmp_path / kept.replace('.scores.npz', '.json')).is_file()


@pytest.mark.parametrize('protocol', ['linear', 'knn1'])
def test_a_result_is_written_beside_the_checkpoint(
    pretrained: Path, probed: Path, protocol: str, capsys: pytest.CaptureFixture[str]
) -> None:
    checkpoint = probed if protocol == 'linear' else pretrained
    cfg = small(LINEAR if protocol == 'linear' else KNN)
    results = tasks.test(cfg, checkpoint)
    written = json.loads((checkpoint.parent / f'epoch_1.{protocol}.json').read_text())
    assert tuple(written) == SCHEMA and written == json.loads(json.dumps(results[protocol]))
    assert written['synthetic'] and 0 <= written['top1'] <= 1 and written['checkpoint'] == str(checkpoint)
    assert sum(map(sum, written['confusion'])) == written['num_samples'] == 13
    assert 'SYNTHETIC data in the place of nucla' in capsys.readouterr().out


def test_testing_gives_what_training_ended_with(probed: Path) -> None:
    written = json.loads((probed.parent / 'epoch_1.linear.json').read_text())
    again = tasks.test(small(LINEAR), probed)['linear']
    assert again['confusion'] == written['confusion']


@pytest.fixture
def diverged(pretrained: Path, tmp_path: Path) -> Path:
    content = load_file(pretrained)
    floats = (value for value in content['state_dict'].values() if value.is_floating_point())
    for value in floats:
        value.fill_(float('nan'))
    save_file(content, tmp_path / 'diverged.pth')
    return tmp_path / 'diverged.pth'


def test_a_training_that_diverges_keeps_its_checkpoint_and_gets_no_result(
    pretrained: Path, tmp_path: Path
) -> None:
    cfg = small(LINEAR, epochs=1, optim_wrapper__optimizer__lr=1e38)
    with pytest.raises(DataError, match=r'scores that are not finite(?s:.*)13 of 13(?s:.*)learning rate'):
        tasks.train(cfg, tmp_path / 'work', pretrained=pretrained)
    assert (tmp_path / 'work/epoch_1.pth').is_file() and not list(tmp_path.glob('work/epoch_1.*.json'))


def test_a_diverged_encoder_is_not_tested(diverged: Path) -> None:
    with pytest.raises(DataError, match='features that are not finite'):
        tasks.test(small(KNN), diverged)


def test_a_config_that_trains_nothing_is_not_trained(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r'trains nothing .*stgcn_nucla_knn\.py'):
        tasks.train(small(KNN), tmp_path)


NEVER_ENDING_WELL = [
    (dict(test_dataloader__batch_size=0), ['batch_size must be', '(test_dataloader.batch_size)', 'got: 0']),
    (dict(test_dataloader__num_workers=-1), ['num_workers must be', '(test_dataloader.num_workers)']),
    (dict(test_dataloader__prefetch_factor=2), ['the test cannot be built', 'prefetch_factor']),
    (dict(protocol='linear/few'), ['(protocol)', "'linear/few'"]),
    (dict(default_hooks__checkpoint=None), ['(default_hooks.checkpoint)', 'no checkpoint hook']),
    (
        dict(default_hooks__checkpoint__save_last=False, default_hooks__checkpoint__interval=2),
        ['would not be saved', 'got: interval=2, by_epoch=True, save_last=False'],
    ),
    (
        dict(train_cfg={'_delete_': True, 'by_epoch': False, 'max_iters': 2}),
        ['would not be saved', 'by_epoch as in train_cfg'],
    ),
]


@pytest.mark.parametrize(('options', 'messages'), NEVER_ENDING_WELL)
def test_what_would_end_a_run_badly_is_refused_before_it_trains(
    tmp_path: Path, options: dict[str, Any], messages: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(ConfigError) as caught:
        tasks.train(small('configs/supervised/gru_nucla.py', epochs=1, **options), tmp_path)
    assert all(part in str(caught.value) for part in messages), caught.value
    assert 'epoch 1/1' not in capsys.readouterr().out and not list(tmp_path.glob('*.pth'))


@pytest.mark.parametrize(('key', 'value'), [('k', 5), ('vote', 'distence')])
def test_a_test_that_cannot_be_built_is_named(pretrained: Path, key: str, value: Any) -> None:
    with pytest.raises(ConfigError, match=rf'test cannot be built \(test_cfg(?s:.*)got: ValueError: {key} '):
        tasks.test(small(KNN, **{f'test_cfg__{key}': value}), pretrained)


HOLD = """
import fcntl, sys, time
file = open(sys.argv[1], 'w')
fcntl.lockf(file, fcntl.LOCK_EX)
print('held', flush=True)
time.sleep(60)
"""


def test_two_trainings_do_not_share_a_work_directory(tmp_path: Path) -> None:
    command = [sys.executable, '-c', HOLD, str(tmp_path / '.lock')]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None and other.stdout.readline() == 'held\n'
        with pytest.raises(ConfigError, match=r'another training is at work(?s:.*)--work-dir'):
            tasks.train(small(HICLR), tmp_path)
        other.kill()
    assert [path.name for path in tmp_path.iterdir()] == ['.lock']
    assert tasks.train(small(HICLR), tmp_path, resume=True).is_file()
    assert not (tmp_path / '.lock').exists()


def test_a_config_without_a_protocol_is_not_tested(pretrained: Path) -> None:
    with pytest.raises(ConfigError, match='no test protocol'):
        tasks.test(small(HICLR), pretrained)


def test_a_model_with_weights_is_not_tested_without_a_checkpoint(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r'tools/test\.py CONFIG CHECKPOINT'):
        tasks.test(small(KNN), None, tmp_path)


def test_a_missing_checkpoint_makes_no_folder(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match='no such checkpoint'):
        tasks.test(small(KNN), tmp_path / 'nowhere' / 'epoch_1.pth')
    assert not (tmp_path / 'nowhere').exists()


def test_a_classifier_is_not_tested_with_an_encoder_alone(pretrained: Path, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r'(?s)missing: classifier.*_linear config first'):
        tasks.test(small(LINEAR), pretrained, tmp_path)


class Code:
    """Leaves a file behind when it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> Any:
        return Path.touch, (self.mark,)


def damaged(checkpoint: Path, path: Path) -> None:
    path.write_bytes(checkpoint.read_bytes()[:-400])


def carrying_code(checkpoint: Path, path: Path) -> None:
    torch.save({**load_file(checkpoint), 'extra': Code(path.with_suffix('.executed'))}, path)


def pickled(checkpoint: Path, path: Path) -> None:
    path.write_bytes(pickle.dumps(Code(path.with_suffix('.executed')), protocol=2))


def matching_nothing(checkpoint: Path, path: Path) -> None:
    save_file({'state_dict': {'encoder_q.conv.weight': torch.zeros(3)}}, path)


def without_weights(checkpoint: Path, path: Path) -> None:
    save_file({'meta': {'epoch': 3}}, path)


@pytest.mark.parametrize(
    ('spoil', 'message'),
    [
        (damaged, 'damaged|truncated|not whole|cannot be read'),
        (carrying_code, 'code|unsafe|refused'),
        (pickled, 'code|unsafe|refused|cannot be read'),
        (matching_nothing, 'no weight of the checkpoint fits'),
        (without_weights, 'holds no weights'),
    ],
)
@pytest.mark.parametrize('door', ['train', 'test'])
def test_a_bad_checkpoint_is_refused(
    pretrained: Path, tmp_path: Path, spoil: Any, message: str, door: str
) -> None:
    path = tmp_path / 'bad.pth'
    spoil(pretrained, path)
    with pytest.raises(CheckpointError, match=message) as caught:
        if door == 'train':
            tasks.train(small(LINEAR), tmp_path / 'work', pretrained=path)
        else:
            tasks.test(small(KNN), path)
    assert 'bad.pth' in str(caught.value) and not path.with_suffix('.executed').exists()


def test_weights_of_another_layout_are_refused(pretrained: Path, tmp_path: Path) -> None:
    cfg = small('configs/hiclr/stgcn_ntu60_linear.py')
    with pytest.raises(CheckpointError, match=r"20 joints, the model has 25 .*layout 'nucla'"):
        tasks.train(cfg, tmp_path, pretrained=pretrained)


def test_weights_of_another_width_are_refused(pretrained: Path, tmp_path: Path) -> None:
    cfg = small(LINEAR, model__backbone__out_channels=6)
    with pytest.raises(CheckpointError, match='another width'):
        tasks.train(cfg, tmp_path, pretrained=pretrained)


def test_a_missing_pretrained_file_is_refused_before_anything_runs(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r'\(--pretrained\)'):
        tasks.train(small(LINEAR), tmp_path / 'work', pretrained=tmp_path / 'none.pth')
    assert not (tmp_path / 'work').exists()


def test_pretrained_weights_reach_the_key_encoder_too(pretrained: Path, tmp_path: Path) -> None:
    lr = {'optim_wrapper__optimizer__lr': 0.0, 'optim_wrapper__optimizer__weight_decay': 0.0}
    checkpoint = tasks.train(small(SKELETONCLR, **lr), tmp_path, pretrained=pretrained)
    before, after = (load_file(path)['state_dict'] for path in (pretrained, checkpoint))
    name = 'backbone.blocks.0.graph_conv.weight'
    torch.testing.assert_close(after[f'key_encoder.encoder.{name}'], before[name])


def test_a_run_in_mixed_precision_ends_with_finite_float32_weights(tmp_path: Path) -> None:
    state = load_file(tasks.train(small(HICLR, amp=True), tmp_path))['state_dict']
    floats = [value for value in state.values() if value.is_floating_point()]
    assert all(value.dtype == torch.float32 and value.isfinite().all() for value in floats)


def test_a_resumed_run_ends_as_the_uninterrupted_one(tmp_path: Path) -> None:
    options = dict(model__heads__hierarchy__mining_start_epoch=2)
    whole = tasks.train(small(HICLR, epochs=4, **options), tmp_path / 'whole')
    tasks.train(small(HICLR, epochs=2, **options), tmp_path / 'part')
    part = tasks.train(small(HICLR, epochs=4, **options), tmp_path / 'part', resume=True)
    first, second = (load_file(path) for path in (whole, part))
    assert all(torch.equal(value, second['state_dict'][key]) for key, value in first['state_dict'].items())


def test_a_finished_run_that_is_resumed_trains_no_more(pretrained: Path, tmp_path: Path) -> None:
    checkpoint = tasks.train(small(HICLR), tmp_path)
    stamp = checkpoint.stat().st_mtime_ns
    assert tasks.train(small(HICLR), tmp_path, resume=True) == checkpoint
    assert checkpoint.stat().st_mtime_ns == stamp


ANOTHER_RUN = [
    (HICLR, dict(train_dataloader__dataset__split='464'), "split: '464-clean' then, '464' now"),
    (HICLR, dict(model__data_preprocessor__stream='motion'), "stream: 'joint' then, 'motion' now"),
    (HICLR, dict(sequences=48), 'sequences: 11 then'),
    (HICLR, dict(model__backbone__edge_importance=False), 'encoder.edge_importance: True then, False now'),
]


@pytest.mark.parametrize(('config', 'options', 'message'), ANOTHER_RUN)
def test_a_run_of_other_data_or_another_encoder_is_not_gone_on_with(
    tmp_path: Path, config: str, options: dict[str, Any], message: str
) -> None:
    checkpoint = tasks.train(small(config), tmp_path)
    content = checkpoint.read_bytes()
    with pytest.raises(CheckpointError, match='was another one') as caught:
        tasks.train(small(config, **options), tmp_path, resume=True)
    assert message in str(caught.value) and '--work-dir' in str(caught.value)
    assert checkpoint.read_bytes() == content


def test_a_probe_of_one_encoder_is_not_gone_on_with_for_another(pretrained: Path, tmp_path: Path) -> None:
    other = tasks.train(small(HICLR, randomness__seed=5), tmp_path / 'other')
    probe = tasks.train(small(LINEAR), tmp_path / 'probe', pretrained=pretrained)
    assert tasks.train(small(LINEAR), tmp_path / 'probe', resume=True) == probe
    assert tasks.train(small(LINEAR), tmp_path / 'probe', resume=True, pretrained=pretrained) == probe
    with pytest.raises(CheckpointError, match='pretrained_sha256'):
        tasks.train(small(LINEAR), tmp_path / 'probe', resume=True, pretrained=other)


def test_a_resumed_run_tells_what_changed_in_its_config(tmp_path: Path) -> None:
    tasks.train(small(HICLR), tmp_path)
    tasks.train(small(HICLR, epochs=2, optim_wrapper__optimizer__lr=0.0625), tmp_path, resume=True)
    logs = ''.join(path.read_text() for path in tmp_path.rglob('*.log'))
    (told,) = [line for line in logs.splitlines() if 'the config is not that' in line]
    assert 'lr=0.0625' in told and 'max_epochs=2' in told


def test_raw_coordinates_need_no_checkpoint(tmp_path: Path) -> None:
    results = tasks.test(small('configs/raw/nucla_knn.py'), None, tmp_path)
    assert results['knn1']['checkpoint'] is None
    assert (tmp_path / 'untrained.knn1.json').is_file()


def test_a_work_directory_that_is_a_file_is_told(tmp_path: Path) -> None:
    (tmp_path / 'notes.txt').write_text('mine')
    with pytest.raises(DataError, match=r'cannot be written(?s:.*)notes\.txt'):
        tasks.train(small(HICLR), tmp_path / 'notes.txt')
    assert (tmp_path / 'notes.txt').read_text() == 'mine'
