"""Semi-supervised training by configs alone: what each composes, refuses, logs, and how it resumes."""

from __future__ import annotations

import json
import multiprocessing
import os
import socket
from pathlib import Path
from typing import Any

import pytest
import torch
from mmengine.config import Config

from skelreg import inference, tasks
from skelreg.compat.files import load_file, save_file
from skelreg.engine.scores import read_scores
from skelreg.errors import CheckpointError, ConfigError, DataError
from skelreg.runner import build_runner, load_config
from tests.runs import ROOT, small

ASSL, MIXED = 'configs/assl/gru_nucla.py', 'configs/mixed/stgcn_nucla_hiclr_assl.py'
ALL_TERMS = 'configs/mixed/gru_nucla_all_terms.py'
NEIGHBORHOOD, ALIGNMENT = 'neighborhood/divergence', ('alignment/encoder', 'alignment/discriminator')
SUPERVISED, INPAINTING = 'classification/cross_entropy', 'inpainting/reconstruction'


def logged(cfg: Config, work_dir: Path) -> set[str]:
    """The losses of one training step."""
    runner = build_runner(cfg, work_dir)
    model, loader = runner.model, runner.build_dataloader(runner._train_dataloader, seed=0)
    return set(model(**model.data_preprocessor(next(iter(loader)), True), mode='loss')['losses'])


def without(*names: str, config: str = ASSL) -> Config:
    cfg = small(config)
    for name in names:
        del cfg.model.regularizers[name]
    return cfg


@pytest.mark.parametrize(
    ('deleted', 'losses', 'same_as'),
    [
        ((), {SUPERVISED, INPAINTING, NEIGHBORHOOD, *ALIGNMENT}, ASSL),
        (('neighborhood', 'alignment'), {SUPERVISED, INPAINTING}, 'configs/s4l/gru_nucla.py'),
        (('alignment',), {SUPERVISED, INPAINTING, NEIGHBORHOOD}, None),
        (('inpainting', 'alignment'), {SUPERVISED, NEIGHBORHOOD}, None),
        (('inpainting', 'neighborhood', 'alignment'), {SUPERVISED}, 'configs/supervised/gru_nucla.py'),
    ],
)
def test_deleting_lines_of_assl_gives_the_methods_it_is_compared_with(
    deleted: tuple[str, ...], losses: set[str], same_as: str | None, tmp_path: Path
) -> None:
    assert logged(without(*deleted), tmp_path / 'a') == losses
    if same_as is not None:
        assert logged(small(same_as), tmp_path / 'b') == losses


@pytest.mark.parametrize(
    ('method', 'kept'),
    [
        ('supervised', ()),
        ('pseudo_label', ('pseudo_labels',)),
        ('vat', ('vat',)),
        ('vat_entmin', ('vat', 'entropy')),
        ('s4l', ('inpainting',)),
        ('assl', ('inpainting', 'neighborhood', 'alignment')),
    ],
)
def test_every_method_of_the_table_is_one_config_with_lines_deleted(
    method: str, kept: tuple[str, ...]
) -> None:
    whole, leaf = load_config(ALL_TERMS), load_config(f'configs/{method}/gru_nucla.py')
    for name in whole.model.regularizers.keys() - set(kept):
        del whole.model.regularizers[name]
    # The discriminator's line says nothing where there is none.
    for cfg in (whole, leaf):
        if method != 'assl':
            cfg.optim_wrapper.pop('paramwise_cfg', None)
        cfg.model.setdefault('regularizers', {})
    assert whole.to_dict() == leaf.to_dict()


def test_all_terms_train_together(tmp_path: Path) -> None:
    found = logged(small(ALL_TERMS), tmp_path)
    assert found == {
        SUPERVISED, INPAINTING, NEIGHBORHOOD, *ALIGNMENT, 'vat/divergence', 'entropy/entropy',
        'pseudo_labels/cross_entropy',
    }


@pytest.mark.parametrize(
    ('method', 'losses'),
    [
        ('vat', {'vat/divergence'}),
        ('vat_entmin', {'vat/divergence', 'entropy/entropy'}),
        ('pseudo_label', {'pseudo_labels/cross_entropy'}),
        ('mean_teacher', {'teaching/difference'}),
        ('temporal_ensembling', {'ensembling/difference'}),
        ('fixmatch', {'fixmatch/cross_entropy'}),
        ('flexmatch', {'flexmatch/cross_entropy'}),
    ],
)
def test_each_method_adds_its_term_to_the_supervised_one(
    method: str, losses: set[str], tmp_path: Path
) -> None:
    cfg = small(f'configs/{method}/gru_nucla.py')
    assert logged(cfg, tmp_path / 'a') == {SUPERVISED, *losses}
    for name in list(cfg.model.regularizers):
        del cfg.model.regularizers[name]
    assert logged(cfg, tmp_path / 'b') == {SUPERVISED}


def test_the_translation_layer_stays_when_regularizers_go(tmp_path: Path) -> None:
    bare = build_runner(without('inpainting', 'neighborhood', 'alignment'), tmp_path).model
    assert type(bare.neck).__name__ == 'LinearTranslation'
    assert bare.classifier.in_channels == bare.neck.out_channels


def test_hiclr_and_assl_run_together(tmp_path: Path) -> None:
    found = logged(small(MIXED), tmp_path)
    assert found == {
        SUPERVISED, INPAINTING, NEIGHBORHOOD, *ALIGNMENT, 'hierarchy/info_nce', 'hierarchy/level_1',
        'hierarchy/level_2',
    }


def test_the_betas_of_the_discriminator_are_its_own(tmp_path: Path) -> None:
    runner = build_runner(small(ASSL), tmp_path)
    own = {id(p) for name, p in runner.model.named_parameters() if 'discriminator' in name}
    groups = runner.build_optim_wrapper(runner.optim_wrapper).optimizer.param_groups
    betas = {(id(group['params'][0]) in own, tuple(group['betas'])) for group in groups}
    assert betas == {(True, (0.5, 0.999)), (False, (0.9, 0.999))}


#: Only training, with a checkpoint after each epoch.
TRAINING = {'default_hooks__checkpoint__interval': 1, 'test_cfg': None, 'test_evaluator': None}
METHODS = ['assl', 'flexmatch', 'temporal_ensembling', 'mean_teacher', 'vat']


@pytest.mark.parametrize('method', METHODS)
def test_a_resumed_run_is_the_uninterrupted_one(method: str, tmp_path: Path) -> None:
    config = f'configs/{method}/gru_nucla.py'
    whole = tasks.train(small(config, 2, **TRAINING), tmp_path / 'whole')
    tasks.train(small(config, 1, **TRAINING), tmp_path / 'part')
    part = tasks.train(small(config, 2, **TRAINING), tmp_path / 'part', resume=True)
    first, second = (load_file(path)['state_dict'] for path in (whole, part))
    assert first.keys() == second.keys()
    assert [name for name in first if not torch.equal(first[name], second[name])] == []


def test_the_bank_is_full_before_the_first_step_and_is_not_filled_again(tmp_path: Path) -> None:
    cfg = small(ASSL)
    for resume, passes in ((False, 1), (True, 0)):
        runner = build_runner(cfg, tmp_path, resume=resume)
        term = runner.model.regularizers['neighborhood'].component
        seen: list[int] = []
        collect = term.collect

        def counting(step: Any, collect: Any = collect, seen: list[int] = seen) -> None:
            seen.append(len(step.positions))
            collect(step)

        term.collect = counting
        runner.train()
        assert sum(seen) == passes * len(runner.train_dataloader.dataset)
        assert term.bank.written[term.pool].all()


def test_the_bank_of_another_label_draw_is_refused(tmp_path: Path) -> None:
    checkpoint = tasks.train(small(ASSL), tmp_path)
    saved = load_file(checkpoint)
    name = 'regularizers.neighborhood.component.bank.fingerprint'
    saved['state_dict'][name] = saved['state_dict'][name] ^ 1
    save_file(saved, checkpoint)
    with pytest.raises(CheckpointError, match='belong to another training set'):
        tasks.train(small(ASSL, 2), tmp_path, resume=True)


def test_the_bank_of_a_training_set_of_another_size_is_refused_as_such(tmp_path: Path) -> None:
    checkpoint = tasks.train(small(ASSL), tmp_path)
    runner = build_runner(small(ASSL, sequences=200), tmp_path / 'other')
    with pytest.raises(CheckpointError, match='belong to another training set'):
        runner.load_checkpoint(str(checkpoint))


def test_inpainting_for_other_bodies_is_refused_before_training(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r'(?s)number of bodies.*inpainting.max_bodies=1'):
        build_runner(small(ASSL, model__regularizers__inpainting__max_bodies=2), tmp_path)


def test_it_trains_in_mixed_precision(tmp_path: Path) -> None:
    assert tasks.train(small(ASSL, amp=True), tmp_path).is_file()


ALTERNATING = {
    'model__regularizers__alignment__mode': 'alternating',
    'optim_wrapper__constructor': 'AlternatingConstructor',
    **TRAINING,
}


def test_alternating_steps_clip_gradients_by_value(tmp_path: Path) -> None:
    clip = {'optim_wrapper__clip_grad': {'_delete_': True, 'type': 'value', 'clip_value': 1.0}}
    assert tasks.train(small(ASSL, **ALTERNATING, **clip), tmp_path).is_file()


def test_alternating_steps_train_and_resume(tmp_path: Path) -> None:
    whole = tasks.train(small(ASSL, 2, **ALTERNATING), tmp_path / 'whole')
    tasks.train(small(ASSL, 1, **ALTERNATING), tmp_path / 'part')
    part = tasks.train(small(ASSL, 2, **ALTERNATING), tmp_path / 'part', resume=True)
    first, second = (load_file(path) for path in (whole, part))
    assert set(first['optimizer']) == {'encoder', 'opponent'}
    for name, value in first['state_dict'].items():
        assert torch.equal(value, second['state_dict'][name]), name


def test_both_optimizers_resume_with_the_options_of_the_config(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tasks.train(small(ASSL, 1, **ALTERNATING), tmp_path)
    changed = small(ASSL, 2, **ALTERNATING, optim_wrapper__optimizer__weight_decay=0.25)
    saved = load_file(tasks.train(changed, tmp_path, resume=True))['optimizer']
    groups = [group for name in ('encoder', 'opponent') for group in saved[name]['param_groups']]
    assert {group['weight_decay'] for group in groups} == {0.25}
    with pytest.raises(CheckpointError, match='had another optimizer') as caught:
        plain = {key: value for key, value in ALTERNATING.items() if key in TRAINING}
        tasks.train(small(ASSL, 3, **plain), tmp_path, resume=True)
    assert 'got: Adam' in str(caught.value) and 'accepted: encoder Adam, opponent Adam' in str(caught.value)


def refusal(config: str, tmp_path: Path, launcher: str = 'none', **options: Any) -> str:
    with pytest.raises(ConfigError) as caught:
        build_runner(small(config, **options), tmp_path, launcher=launcher)
    return str(caught.value)


def test_alternating_across_processes_is_refused_with_the_reason(tmp_path: Path) -> None:
    message = refusal(ASSL, tmp_path, 'pytorch', **ALTERNATING)
    assert "around the model's own train_step" in message and "mode='simultaneous'" in message


def test_alternating_without_two_optimizers_is_refused(tmp_path: Path) -> None:
    message = refusal(ASSL, tmp_path, model__regularizers__alignment__mode='alternating')
    assert 'takes two optimizers' in message and 'AlternatingConstructor' in message


def test_statistics_that_a_process_could_wait_for_in_vain_are_refused(tmp_path: Path) -> None:
    plain = {'sampler': {'type': 'DefaultSampler', 'shuffle': True}, 'batch_sampler': None}
    options = {f'train_dataloader__{name}': value for name, value in plain.items()}
    message = refusal(ASSL, tmp_path, 'pytorch', sync_bn='torch', **options)
    assert 'SkeletonInpainting' in message and 'LabelledUnlabelledBatches' in message


MISTAKES: list[tuple[str, dict[str, Any], list[str]]] = [
    (
        'more neighbours than sequences',
        dict(model__regularizers__neighborhood__num_neighbors=500),
        ['num_neighbors=500', 'accepted: num_neighbors <='],
    ),
    (
        'no unlabelled sequences',
        dict(train_dataloader__dataset__unlabelled='drop', train_dataloader__batch_sampler=None),
        ['SkeletonInpainting needs unlabelled sequences', "unlabelled='keep'"],
    ),
    (
        'drop_last',
        dict(train_dataloader__drop_last=True),
        ['a batch sampler decides itself', 'train_dataloader.drop_last'],
    ),
    (
        'a misspelt argument of the sampler',
        dict(train_dataloader__batch_sampler__labeled_share=0.5),
        ["'labeled_share'", 'train_dataloader.batch_sampler', 'labelled_share'],
    ),
    (
        'a sampler that does not exist',
        dict(train_dataloader__batch_sampler__type='LabelledBatches'),
        ["'LabelledBatches' is not registered", 'train_dataloader.batch_sampler.type'],
    ),
]


@pytest.mark.parametrize(
    ('options', 'messages'), [case[1:] for case in MISTAKES], ids=[case[0] for case in MISTAKES]
)
def test_a_mistake_is_named_before_training(
    tmp_path: Path, options: dict[str, Any], messages: list[str]
) -> None:
    message = refusal(ASSL, tmp_path, **options)
    assert all(part in message for part in messages), message


def train_in_a_group(work_dir: Path, rank: int, port: int) -> None:
    """One process of two; leaves its weights and banks."""
    torch.set_num_threads(1)
    os.environ.update(
        RANK=str(rank), LOCAL_RANK=str(rank), WORLD_SIZE='2', MASTER_ADDR='127.0.0.1', MASTER_PORT=str(port)
    )
    runner = build_runner(small(ASSL, **TRAINING), work_dir, launcher='pytorch')
    runner.train()
    torch.save(runner.model.module.state_dict(), work_dir / f'rank_{rank}.pt')


def test_two_processes_share_weights_and_bank(tmp_path: Path) -> None:
    with socket.socket() as listener:
        listener.bind(('127.0.0.1', 0))
        port = int(listener.getsockname()[1])
    context = multiprocessing.get_context('spawn')
    ranks = [
        context.Process(target=train_in_a_group, args=(tmp_path, rank, port), daemon=True)
        for rank in (0, 1)
    ]
    for process in ranks:
        process.start()
    for process in ranks:
        process.join(300)
    assert [process.exitcode for process in ranks] == [0, 0]
    first, second = (torch.load(tmp_path / f'rank_{rank}.pt') for rank in (0, 1))
    shared = [name for name in first if 'running' not in name]
    assert any('bank.values' in name for name in shared) and any('discriminator' in name for name in shared)
    assert [name for name in shared if not torch.equal(first[name], second[name])] == []


def test_pseudo_labels_in_two_stages(tmp_path: Path) -> None:
    """Every unlabelled sequence gets the class that the first model predicts; the second trains on all."""
    first, labels = 'configs/supervised/gru_nucla.py', tmp_path / 'labels.json'
    cfg = small(first)
    checkpoint = tasks.train(cfg, tmp_path / 'first')
    written, unlabelled = inference.predict_labels(cfg, checkpoint, labels)
    assert written == unlabelled == len(json.loads(labels.read_text())['labels']) > 0
    retrain = 'configs/pseudo_label/gru_nucla_retrain.py'
    unfilled = load_config(ROOT / retrain)
    unfilled.train_dataloader.dataset.archive = cfg.train_dataloader.dataset.archive
    with pytest.raises(DataError, match=r'(?s)no such file.*predict_labels'):
        build_runner(unfilled, tmp_path / 'second')
    second = small(retrain, train_dataloader__dataset__pseudo_labels=str(labels))
    runner = build_runner(second, tmp_path / 'second')
    dataset = runner.build_dataloader(runner._train_dataloader, seed=0).dataset
    assert (dataset.labels >= 0).all() and len(set(dataset.labels.tolist())) > 1
    assert inference.predict_labels(cfg, checkpoint, labels, threshold=1.0)[0] == 0
    whole = dict(train_dataloader__dataset__label_budget=None, train_dataloader__batch_sampler=None)
    with pytest.raises(ConfigError, match='nothing to predict'):
        inference.predict_labels(small(first, **whole), checkpoint, labels)


def test_other_predicted_labels_under_one_name_are_not_gone_on_with(tmp_path: Path) -> None:
    first, labels = small('configs/supervised/gru_nucla.py'), tmp_path / 'labels.json'
    inference.predict_labels(first, tasks.train(first, tmp_path / 'first'), labels)
    second = small(
        'configs/pseudo_label/gru_nucla_retrain.py', train_dataloader__dataset__pseudo_labels=str(labels)
    )
    tasks.train(second, tmp_path / 'second')
    content = json.loads(labels.read_text())
    content['labels'] = {name: (label + 1) % 10 for name, label in content['labels'].items()}
    labels.write_text(json.dumps(content))
    with pytest.raises(CheckpointError, match=r'train_labels: \S+ then'):
        tasks.train(second, tmp_path / 'second', resume=True)


def test_the_result_of_joined_sets_names_their_labels_and_splits(tmp_path: Path) -> None:
    budget = {'per_class_n': 1, 'seed': 0}
    cfg = small('configs/mixed/gru_nucla_two_cameras.py', sequences=96)
    cfg.train_dataloader.dataset.datasets[0].label_budget = budget
    checkpoint = tasks.train(cfg, tmp_path)
    (result,) = (json.loads(path.read_text()) for path in tmp_path.glob('epoch_1.*.json'))
    assert result['label_budget'] == budget
    assert read_scores(next(tmp_path.glob('*.npz'))).info['train_split'] == 'camera_1+camera_2'
    cfg.train_dataloader.dataset.labels = 'all'
    (again,) = tasks.test(cfg, checkpoint).values()
    assert again['label_budget'] == [budget, None]


def test_a_teacher_that_predicts_is_loaded_for_testing(tmp_path: Path) -> None:
    cfg = small('configs/mean_teacher/gru_nucla.py')
    checkpoint = tasks.train(cfg, tmp_path)
    runner = build_runner(cfg, tmp_path / 'eval')
    tasks.load_for_testing(runner, checkpoint)
    saved = load_file(checkpoint)['state_dict']
    own = {name: value for name, value in runner.model.state_dict().items() if name.startswith('teacher.')}
    assert own and all(torch.equal(value, saved[name]) for name, value in own.items())
