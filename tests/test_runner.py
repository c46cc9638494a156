"""What a config can get wrong, met where the user meets it: before anything runs, with its place."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest
import torch

from skelreg.datasets.dataset import SkeletonDataset
from skelreg.errors import ConfigError, DataError
from skelreg.runner import build_runner, config_name, load_config
from tests.runs import HICLR, KNN, LINEAR, ROOT, SKELETONCLR, small


def refusal(config: str, tmp_path: Path, sequences: int | None = 24, **options: Any) -> str:
    """The message with which a config with these options is refused, before a work directory is made."""
    with pytest.raises((ConfigError, DataError)) as caught:
        build_runner(small(config, sequences=sequences, **options), tmp_path / 'work')
    assert not (tmp_path / 'work').exists()
    return str(caught.value)


MISTAKES = [
    (dict(model__backbone__type='STGNC'), ["backbone 'STGNC'", '(model.backbone.type)', 'Closest: STGCN']),
    (dict(model__backbone__dropuot=0.1), ["'dropuot'", 'Closest: dropout', 'model.backbone.dropuot']),
    (dict(model__backbone__dropout=2.0), ['dropout must be in [0, 1), got 2.0', 'model.backbone.type=STGCN']),
    (dict(model__backbone__dropout='much'), ['TypeError', 'model.backbone.type=STGCN', "'dropout': 'much'"]),
    (dict(model__backbone__adjacency='ring'), ['ring', 'release_spatial']),
    (dict(model__heads__contrast__temperature=0), ['temperature must be > 0', 'model.heads.contrast']),
    (dict(model__heads__contrast__weight='big'), ['model.heads.contrast']),
    (dict(model__queue=None), ["'similarities'", 'model.heads.contrast', 'model.queue']),
    (dict(model__queue__sise=3), ["no argument 'sise'", 'model.queue.sise', 'Closest: size']),
    (dict(model__type='Lerner'), ["model 'Lerner'", 'Closest: Learner', 'model.type']),
    (
        dict(model__data_preprocessor__policy__stages=[[dict(type='Sheer')]]),
        ["augmentation 'Sheer'", 'model.data_preprocessor.policy.stages.0.0.type', 'Shear'],
    ),
    (dict(train_dataloader__dataset__split='xsub'), ['xsub', '464-clean', 'train_dataloader.dataset']),
    (dict(train_dataloader__dataset__dataset='nuclea'), ['nuclea', 'nucla', 'train_dataloader.dataset']),
    (dict(train_dataloader__batch_size=99), ['smaller than one batch', 'train_dataloader.batch_size']),
    (dict(train_dataloader__batch_size=0), ['whole number >= 1', 'train_dataloader.batch_size', 'got: 0']),
    (dict(train_dataloader__num_workers='2'), ['whole number >= 0', 'train_dataloader.num_workers', "'2'"]),
    (dict(randomness__seed=-1), ['seed must be a whole number', 'randomness.seed', 'got: -1']),
    (dict(randomness__seed='abc'), ['seed must be a whole number', 'randomness.seed', "'abc'"]),
    (dict(randomness__sede=1), ['(randomness)', 'got: sede', 'Closest: seed']),
    (dict(randomness=3), ['(randomness)', 'got: 3']),
    (dict(train_dataloader__batchsize=4), ['Closest: batch_size', 'train_dataloader.batchsize']),
    (dict(train_dataloader__sampler__type='Sampler'), ["'Sampler'", 'train_dataloader.sampler.type']),
    (dict(optim_wrapper__optimizer__type='SDG'), ["optimizer 'SDG'", 'optim_wrapper.optimizer.type', 'SGD']),
    (dict(optim_wrapper__optimizer__momentun=1), ["'momentun'", 'optim_wrapper.optimizer.momentun']),
    (dict(optim_wrapper__clip=1), ["'clip'", 'optim_wrapper.clip', 'clip_grad']),
    (dict(param_scheduler=[dict(type='MultiStepLR', milstones=[1])]), ["'milstones'", 'param_scheduler[0]']),
    (dict(param_scheduler=[dict(type='StepsLR')]), ["'StepsLR'", 'param_scheduler[0].type']),
    (dict(train_cfg__max_epoch=3), ["'max_epoch'", 'train_cfg.max_epoch', 'Closest: max_epochs']),
    (dict(train_cfg__max_epochs=0), ['max_epochs must be a whole number >= 1', 'got: 0']),
    (dict(default_hooks__checkpoint__intervall=2), ["'intervall'", 'default_hooks.checkpoint.intervall']),
    (dict(custom_hooks=[dict(type='ColapseMonitor')]), ['custom_hooks[0].type', 'Closest: CollapseMonitor']),
    (dict(custom_hooks=[dict(every=3)]), ['has no type', 'custom_hooks[0]']),
]


@pytest.mark.parametrize(('options', 'messages'), MISTAKES)
def test_a_mistake_is_named_with_its_place(
    tmp_path: Path, options: dict[str, Any], messages: list[str]
) -> None:
    message = refusal(SKELETONCLR, tmp_path, **options)
    assert all(part in message for part in messages), message


@pytest.mark.parametrize('key', ['sampler', 'batch_size'])
def test_a_gap_in_a_dataloader_is_named(tmp_path: Path, key: str) -> None:
    cfg = small(SKELETONCLR)
    del cfg.train_dataloader[key]
    with pytest.raises(ConfigError, match=rf'lacks its {key} \(train_dataloader\.{key}\)'):
        build_runner(cfg, tmp_path)


def test_data_of_another_layout_is_refused(tmp_path: Path) -> None:
    message = refusal(SKELETONCLR, tmp_path, model__layout='ntu_rgbd')
    assert 'data: nucla (20 joints), model: ntu_rgbd (25 joints)' in message
    assert "fix: set model.layout='nucla'" in message


def test_data_with_other_channels_is_refused(tmp_path: Path) -> None:
    message = refusal(SKELETONCLR, tmp_path, model__in_channels=2)
    assert 'data: 3 (x, y, z), backbone: 2' in message and 'set model.in_channels=3' in message


def test_data_with_other_classes_is_refused(tmp_path: Path) -> None:
    message = refusal(LINEAR, tmp_path, model__classifier__num_classes=60)
    assert 'data: 10, classifier: 60' in message and 'set model.classifier.num_classes=10' in message


def test_labels_that_no_sequence_has_are_not_learnt_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    unknown = property(lambda dataset: torch.full((len(dataset),), -1))
    monkeypatch.setattr(SkeletonDataset, 'labels', unknown)
    message = refusal(LINEAR, tmp_path)
    assert 'ClassificationHead needs labels' in message and 'model.heads.classification' in message


def test_a_test_of_sequences_without_a_label_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = SkeletonDataset.labels.fget
    monkeypatch.setattr(
        SkeletonDataset, 'labels', property(lambda data: whole(data) - (data.subset == 'test') * 100)
    )
    message = refusal(LINEAR, tmp_path)
    assert 'test_dataloader.dataset.split' in message and 'not: {label: [-1]}' in message


def test_views_in_space_are_refused_for_other_channels(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(SkeletonDataset, 'channels', property(lambda data: ('x', 'y', 'score')))
    message = refusal(HICLR, tmp_path)
    assert 'Rotate, Shear on data with the channels x, y, score' in message
    build_runner(small(LINEAR), tmp_path / 'views are not needed')


def test_missing_data_says_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    message = refusal(HICLR, tmp_path, sequences=None)
    expected = ('Northwestern-UCLA', 'data/nucla', 'all_sqe.zip', 'prepare_data.py nucla', '--synthetic')
    assert all(part in message for part in expected), message


def test_a_config_without_a_model_is_refused(tmp_path: Path) -> None:
    (tmp_path / 'bare.py').write_text('train_cfg = dict(max_epochs=1)')
    with pytest.raises(ConfigError, match='no model'):
        build_runner(load_config(tmp_path / 'bare.py'), tmp_path / 'work')


def test_an_unknown_config_names_the_closest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    with pytest.raises(ConfigError, match=r'(?s)hiclr/stgcn_nucle\.py.*Closest: .*hiclr/stgcn_nucla\.py'):
        load_config('configs/hiclr/stgcn_nucle.py')


BROKEN = [
    'model = dict(', 'model = dict(type=Learner)', "_base_ = ['nowhere.py']", 'epochs = 1 / 0', 'x = [1][2]',
    'assert False', "custom_imports = dict(imports=['no_such_module'])",
]


@pytest.mark.parametrize('text', BROKEN)
def test_a_config_that_does_not_parse_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / 'broken.py').write_text(text)
    with pytest.raises(ConfigError, match='cannot be read') as caught:
        load_config(tmp_path / 'broken.py')
    assert 'broken.py' in str(caught.value)


def test_a_missing_import_of_a_config_is_named(tmp_path: Path) -> None:
    (tmp_path / 'own.py').write_text("custom_imports = dict(imports=['no_such_module'])")
    with pytest.raises(ConfigError) as caught:
        load_config(tmp_path / 'own.py')
    assert 'no_such_module' in str(caught.value) and 'sys.path' not in str(caught.value)


def test_a_checkpoint_in_the_place_of_a_config_is_told(tmp_path: Path) -> None:
    (tmp_path / 'epoch_1.pth').write_bytes(b'weights')
    with pytest.raises(ConfigError, match='this looks like a checkpoint: name the config first'):
        load_config(tmp_path / 'epoch_1.pth')


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        ({'train_cgf.max_epochs': 1}, "'train_cgf' is not read.*train_cfg"),
        ({'backbone.dropout': 0.1}, "'backbone' is not read.*did you mean 'model.backbone.dropout'"),
        ({'train_cfg.max_epochs.x': 1}, 'does not fit'),
        ({'param_scheduler.7.gamma': 1}, 'does not fit'),
        ({'param_scheduler.x': 1}, 'does not fit'),
        ({'model.data_preprocessor.policy.stages.7': []}, "stages.7' is behind the end of a list.*0 to 2"),
    ],
)
def test_an_option_that_changes_nothing_is_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=f'(?s){message}'):
        load_config(ROOT / HICLR, options)


@pytest.mark.parametrize('line', ["load_from = 'a.pth'", 'resume = True', "visualizer = dict(type='Own')"])
def test_entries_that_have_another_place_are_named_with_it(tmp_path: Path, line: str) -> None:
    (tmp_path / 'own.py').write_text(f"_base_ = ['{ROOT / HICLR}']\n{line}\n")
    with pytest.raises(ConfigError, match=r'is not read from a config(?s:.*)fix: '):
        load_config(tmp_path / 'own.py')


def test_an_option_replaces_an_item_of_a_list() -> None:
    policy = 'model.data_preprocessor.policy.stages'
    before = load_config(ROOT / HICLR).model.data_preprocessor.policy.stages
    stages = load_config(
        ROOT / HICLR, {f'{policy}.2': [{'type': 'SkeleAdaIN'}]}
    ).model.data_preprocessor.policy.stages
    assert stages == [*before[:2], [{'type': 'SkeleAdaIN'}]]
    changed = load_config(ROOT / HICLR, {f'{policy}.2.0.ratio': 0.3}).model.data_preprocessor.policy.stages
    assert changed[2][0] == {**before[2][0], 'ratio': 0.3}


def test_amp_is_refused_where_nothing_is_trained() -> None:
    with pytest.raises(ConfigError, match='--amp is for training'):
        load_config(ROOT / KNN, amp=True)


def test_no_synthetic_sequence_is_refused() -> None:
    with pytest.raises(ConfigError, match='at least one'):
        load_config(ROOT / HICLR, synthetic=0)


def test_synthetic_data_stands_in_with_the_shape_of_the_real(tmp_path: Path) -> None:
    runner = build_runner(small(LINEAR), tmp_path)
    dataset = runner.train_dataloader.dataset
    assert dataset.is_synthetic and (dataset.layout.name, dataset.num_classes) == ('nucla', 10)


def test_the_config_is_left_as_it_was(tmp_path: Path) -> None:
    cfg = small(HICLR)
    before = cfg.pretty_text
    build_runner(cfg, tmp_path)
    assert cfg.pretty_text == before


def test_results_go_into_a_folder_named_after_the_config(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    runner = build_runner(small(KNN))
    assert Path(runner.work_dir) == tmp_path / 'work_dirs/hiclr/stgcn_nucla_knn'
    assert config_name(small(HICLR)) == 'hiclr/stgcn_nucla'


def test_a_queue_of_more_than_a_quarter_of_the_data_warns(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, logger='skelreg'):
        build_runner(small(HICLR), tmp_path)
    assert 'the queue holds 8 keys and the training set 11 sequences' in caplog.text


@pytest.mark.parametrize('seed', [0, 1])
def test_one_seed_builds_one_model(tmp_path: Path, seed: int) -> None:
    weights = []
    for name in ('a', 'b'):
        runner = build_runner(small(HICLR, randomness__seed=seed), tmp_path / name)
        weights.append(runner.model.state_dict())
    assert all((weights[0][key] == value).all() for key, value in weights[1].items())
