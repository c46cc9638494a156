"""The configs of the evaluation protocols: their rates, their labels, and what they refuse to start from."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

from skelreg import tasks
from skelreg.compat.files import load_file
from skelreg.engine.scores import read_scores
from skelreg.errors import CheckpointError, ConfigError
from skelreg.registry import PARAM_SCHEDULERS
from skelreg.runner import build_datasets, build_runner, load_config
from tests.reference.schedules import step_rate, warmup_step_rate
from tests.runs import HICLR, KNN, LINEAR, ROOT, SKELETONCLR, run_tool, small

FINETUNE, SEMI = (f'configs/hiclr/stgcn_nucla{suffix}.py' for suffix in ('_finetune', '_semi'))

#: Leaf -> the release's rule: base rate, step epochs, warm-up (None: the other rule) and epochs.
SCHEDULES = {
    'stgcn_ntu60': (0.1, [250], None, 300),
    'stgcn_ntu60_linear': (3.0, [80], None, 100),
    'stgcn_pku_mmd2_linear': (3.0, [160], None, 200),
    'stgcn_ntu60_finetune': (0.1, [30, 55], 5, 70),
    'stgcn_ntu60_motion_finetune': (0.1, [30, 50], 5, 70),
    'stgcn_ntu120_finetune': (0.1, [30, 55], 5, 70),
    'stgcn_ntu60_semi': (0.1, [20, 40], 5, 60),
    'stgcn_ntu60_xview_semi': (0.1, [15, 30], 5, 60),
    'transformer_ntu60_linear': (3.0, [30, 80], None, 100),
    'transformer_ntu60_finetune': (0.1, [35, 55], 5, 80),
    'transformer_ntu60_semi': (0.1, [15, 25], 5, 50),
}


def config_rates(leaf: str) -> list[float]:
    """The rate in every epoch, as MMEngine's schedulers make it from a config."""
    cfg = load_config(ROOT / f'configs/hiclr/{leaf}.py')
    optimizer = torch.optim.SGD(nn.Linear(1, 1).parameters(), lr=cfg.optim_wrapper.optimizer.lr)
    schedulers = [
        PARAM_SCHEDULERS.build(dict(scheduler), where=f'param_scheduler[{i}]', optimizer=optimizer)
        for i, scheduler in enumerate(cfg.param_scheduler)
    ]
    rates = []
    for _ in range(cfg.train_cfg.max_epochs):
        rates.append(optimizer.param_groups[0]['lr'])
        optimizer.step()
        for scheduler in schedulers:
            scheduler.step()
    return rates


@pytest.mark.parametrize('leaf', SCHEDULES)
def test_the_rate_of_every_epoch_is_that_of_the_release(leaf: str) -> None:
    base, steps, warmup, epochs = SCHEDULES[leaf]
    expected = [
        step_rate(epoch, base, steps) if warmup is None else warmup_step_rate(epoch, base, steps, warmup)
        for epoch in range(1, epochs + 1)
    ]
    assert config_rates(leaf) == pytest.approx(expected, rel=1e-9)


@pytest.fixture(scope='module')
def pretrained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tasks.train(small(HICLR), tmp_path_factory.mktemp('pretrained'))


@pytest.fixture(scope='module')
def finetuned(pretrained: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tasks.train(small(FINETUNE), tmp_path_factory.mktemp('finetuned'), pretrained=pretrained)


def test_fine_tuning_starts_from_the_encoder_and_changes_it(pretrained: Path, tmp_path: Path) -> None:
    still = dict(optim_wrapper__optimizer__lr=0.0, optim_wrapper__optimizer__weight_decay=0.0)
    before = load_file(pretrained)['state_dict']
    for options, moves in ((still, False), ({}, True)):
        checkpoint = tasks.train(small(FINETUNE, **options), tmp_path / str(moves), pretrained=pretrained)
        after = load_file(checkpoint)['state_dict']
        names = [name for name in after if name.startswith('backbone.') and name.endswith('weight')]
        assert names and all(torch.equal(before[name], after[name]) != moves for name in names)


@pytest.mark.parametrize('budget', [{'per_class_n': 2}, {'per_class_n': None, 'per_class_ratio': 0.1}])
def test_options_choose_the_budget(budget: dict[str, float | None]) -> None:
    options = {f'train_dataloader__dataset__label_budget__{key}': value for key, value in budget.items()}
    datasets = build_datasets(small(SEMI, sequences=300, **options))
    train, test = datasets['train_dataloader'], datasets['test_dataloader']
    assert len(train) < train.subset_size / 2 and test.label_split is None


def test_a_semi_supervised_epoch_repeats_the_labelled_sequences(tmp_path: Path) -> None:
    runner = build_runner(small('configs/hiclr/stgcn_ntu60_semi.py', sequences=300), tmp_path)
    loader = runner.train_dataloader
    drawn = [i for batch in loader for i in batch['index'].tolist()]
    assert len(drawn) == loader.dataset.subset_size // 4 * 4 > 2 * len(loader.dataset)
    assert set(drawn) == set(range(len(loader.dataset)))


def test_the_result_names_the_labels(pretrained: Path, tmp_path: Path) -> None:
    checkpoint = tasks.train(small(SEMI), tmp_path, pretrained=pretrained)
    result = tasks.test(small(SEMI), checkpoint)['semi']
    assert result['label_budget'] == {'per_class_n': 5, 'seed': 0}
    meta = load_file(checkpoint)['meta']['dataset_meta']
    assert meta['label_budget'] == 'per_class_n 5, draw 0' and len(meta['label_split']) == 64


def test_from_scratch_is_the_same_recipe_on_the_same_labels() -> None:
    scratch, semi = (
        load_config(ROOT / path).to_dict() for path in ('configs/supervised/stgcn_nucla_semi.py', SEMI)
    )
    assert scratch.pop('protocol') == 'supervised_semi' and semi.pop('protocol') == 'semi'
    assert scratch == semi


def test_an_encoder_of_another_stream_is_refused(pretrained: Path, tmp_path: Path) -> None:
    message = r"another stream(?s:.*)'joint' in the file, 'bone' in the model"
    with pytest.raises(CheckpointError, match=message):
        tasks.test(small(KNN, model__data_preprocessor__stream='bone'), pretrained, tmp_path)


def test_an_encoder_of_another_graph_is_named(
    pretrained: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    tasks.test(small(KNN), pretrained, tmp_path)
    assert 'adjacency' not in caplog.text
    before = load_file(pretrained)['meta']['encoder']
    assert before['type'] == 'STGCN' and before['adjacency'] == 'spatial'
    tasks.test(small(KNN, model__backbone__adjacency='release_spatial'), pretrained, tmp_path)
    assert "trained with adjacency='spatial', and this config builds it with 'release_spatial'" in caplog.text
    assert '--cfg-options model.backbone.adjacency=spatial' in caplog.text


def test_an_encoder_of_another_layout_with_as_many_joints_is_refused(tmp_path: Path) -> None:
    gcn = small('configs/skeletonclr/stgcn_nucla.py')
    checkpoint = load_file(tasks.train(gcn, tmp_path / 'pretrained'))
    checkpoint['meta']['layout'] = 'somebody_elses'
    torch.save(checkpoint, tmp_path / 'other.pth')
    with pytest.raises(CheckpointError, match='another skeleton layout'):
        tasks.train(small(FINETUNE), tmp_path / 'work', pretrained=tmp_path / 'other.pth')


def test_an_encoder_of_another_dataset_is_not_mixed_into_another_layout(
    pretrained: Path, tmp_path: Path
) -> None:
    with pytest.raises(CheckpointError, match='20 joints, the model has 25'):
        tasks.train(small('configs/hiclr/stgcn_pku_mmd2_transfer.py'), tmp_path, pretrained=pretrained)


def test_an_encoder_is_transferred_between_datasets_of_one_layout(tmp_path: Path) -> None:
    source = tasks.train(small('configs/hiclr/stgcn_ntu60.py'), tmp_path / 'source')
    transfer = small('configs/hiclr/stgcn_pku_mmd2_transfer.py')
    checkpoint = tasks.train(transfer, tmp_path / 'target', pretrained=source)
    assert (checkpoint.parent / 'epoch_1.transfer.json').is_file()


def test_scores_are_written_beside_the_result(finetuned: Path) -> None:
    scores = read_scores(finetuned.with_name('epoch_1.finetune.scores.npz'))
    result = tasks.test(small(FINETUNE), finetuned)['finetune']
    assert (scores.scores.argmax(dim=1) == scores.labels).double().mean() == pytest.approx(result['top1'])
    assert scores.info['stream'] == 'joint'
    assert scores.info['train_split'] == scores.info['split'] == '464-clean'
    assert scores.info['checkpoint_sha256'] == result['checkpoint_sha256'] and scores.info['synthetic']
    dataset = build_datasets(small(FINETUNE))['test_dataloader']
    assert scores.names == dataset.names and scores.labels.equal(dataset.labels)


@pytest.mark.parametrize('config', [LINEAR, FINETUNE])
def test_augmented_copies_are_scored_and_averaged(config: str, pretrained: Path, tmp_path: Path) -> None:
    checkpoint = tasks.train(small(config), tmp_path, pretrained=pretrained)
    protocol = load_config(ROOT / config).protocol
    one, again, many = (tasks.test(small(config), checkpoint, copies=copies) for copies in (1, 1, 6))
    assert one[f'{protocol}_copies1']['confusion'] == again[f'{protocol}_copies1']['confusion']
    plain, single, mean = (
        read_scores(checkpoint.with_name(f'epoch_1.{protocol}{suffix}.scores.npz'))
        for suffix in ('', '_copies1', '_copies6')
    )
    assert single.names == plain.names == mean.names and list(many) == [f'{protocol}_copies6']
    assert not torch.allclose(single.scores, plain.scores) and not torch.allclose(mean.scores, single.scores)


def test_copies_need_a_classifier(pretrained: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match='scored by a classifier'):
        tasks.test(small(KNN), pretrained, tmp_path, copies=3)
    with pytest.raises(ConfigError, match='--copies must be at least 1'):
        tasks.test(small(FINETUNE), pretrained, tmp_path, copies=0)


def test_streams_are_fused_by_the_tool(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = []
    for stream in ('joint', 'bone'):
        options = dict(model__data_preprocessor__stream=stream)
        encoder = tasks.train(small(SKELETONCLR, **options), tmp_path / stream)
        probe = tasks.train(small(LINEAR, **options), tmp_path / f'{stream}_linear', pretrained=encoder)
        files.append(str(probe.with_name('epoch_1.linear.scores.npz')))
    assert run_tool('fuse_scores', *files, '--weights', '.6', '.6') == 0
    printed = capsys.readouterr().out
    assert 'SYNTHETIC' in printed and 'bone_linear/epoch_1.linear' in printed
    assert (tmp_path / 'joint_linear/fused.json').is_file()
