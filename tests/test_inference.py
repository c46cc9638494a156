"""Classes and features of recordings, with labels or without, from a checkpoint."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from rich.console import Console

from skelreg import tasks
from skelreg.compat.files import load_file, save_file
from skelreg.datasets.archive import SkeletonArchive
from skelreg.datasets.archive_writer import ArchiveWriter
from skelreg.datasets.synthetic.generator import generate
from skelreg.engine.features import extract_features
from skelreg.engine.scores import read_scores
from skelreg.errors import CheckpointError, ConfigError, DataError
from skelreg.inference import Classified, predict, predict_labels, write_features, write_predictions
from skelreg.registry import DATASETS
from skelreg.runner import build_runner
from tests.runs import HICLR, KNN, run_tool, small

SUPERVISED = 'configs/supervised/gru_nucla.py'


@pytest.fixture(scope='module')
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The checkpoint of a short supervised training."""
    return tasks.train(small(SUPERVISED), tmp_path_factory.mktemp('supervised'))


def recordings(path: Path, layout: str = 'nucla', count: int = 5) -> Path:
    """An archive of recordings that nobody labelled, of no subject of any split."""
    made = generate(layout, count, 10, 1, seed=7)
    meta = {key: made.meta[key] for key in ('layout', 'channels', 'num_classes')}
    with ArchiveWriter(path, meta, max_bodies=1) as writer:
        for i, name in enumerate(made.index['name']):
            writer.add(str(name), -1, made.sequence(i), dict(subject=-1, camera=-1, view=-1, setup=-1))
    return path


def test_classes_are_those_of_the_test(trained: Path) -> None:
    scores = read_scores(next(trained.parent.glob('*.scores.npz')))
    found = predict(small(SUPERVISED), trained, subset='test')
    expected = torch.as_tensor(np.asarray(scores.scores)).softmax(dim=1)
    assert list(found.names) == [str(name) for name in scores.names]
    torch.testing.assert_close(found.probabilities, expected, rtol=1e-4, atol=1e-5)


def test_recordings_without_labels_get_a_line_each(trained: Path, tmp_path: Path) -> None:
    archive, out = recordings(tmp_path / 'new'), tmp_path / 'predictions.csv'
    found = predict(small(SUPERVISED, sequences=None), trained, archive)
    write_predictions(out, found)
    lines = list(csv.DictReader(out.open()))
    assert [line['name'] for line in lines] == list(SkeletonArchive.open(archive).index['name'])
    for line in lines:
        shares = {name: float(line[name]) for name in found.class_names}
        assert line['label'] == '' and line['predicted'] == max(shares, key=lambda name: shares[name])
        assert float(line['probability']) == max(shares.values())
        assert sum(shares.values()) == pytest.approx(1, abs=1e-3)


def test_known_labels_stand_beside_the_predicted_ones(trained: Path) -> None:
    found = predict(small(SUPERVISED), trained)
    assert len(found.names) == len(set(found.names)) == 30
    assert [row[1] for row in found.rows()] == [found.class_names[label] for label in found.labels]


def test_features_are_those_of_the_encoder(trained: Path, tmp_path: Path) -> None:
    archive, out = recordings(tmp_path / 'new'), tmp_path / 'features.npz'
    cfg = small(SUPERVISED, sequences=None)
    count, width = write_features(cfg, trained, out, archive)
    with np.load(out, allow_pickle=False) as file:
        names, features, labels = (file[name] for name in ('names', 'features', 'labels'))
    assert (count, width) == features.shape == (5, features.shape[1]) and set(labels) == {-1}
    runner = build_runner(small(SUPERVISED), tmp_path / 'again')
    tasks.load_for_testing(runner, trained)
    data: Any = {**cfg.test_dataloader.dataset, 'archive': str(archive), 'subset': 'all'}
    expected = extract_features(runner.model, DATASETS.build(data, where='data')).features
    assert np.array_equal(features, expected)
    assert list(names) == list(SkeletonArchive.open(archive).index['name'])


@pytest.mark.parametrize('tool', ['predict', 'extract_features'])
def test_both_have_a_tool(
    tool: str, trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    archive, out = recordings(tmp_path / 'new'), tmp_path / 'made'
    options = ['model.backbone.hidden_channels=4', 'test_dataloader.dataset.num_frames=12']
    arguments = [SUPERVISED, str(trained), '--archive', str(archive), '--out', str(out)]
    assert run_tool(tool, *arguments, '--cfg-options', *options) == 0
    assert '5 recordings' in capsys.readouterr().out and out.is_file()


def test_an_encoder_alone_predicts_no_class(trained: Path) -> None:
    with pytest.raises(ConfigError, match='classifier, and this config has none'):
        predict(small(KNN), trained)
    with pytest.raises(ConfigError, match='extract_features'):
        predict(small(HICLR), trained)


def test_recordings_of_another_skeleton_are_refused(trained: Path, tmp_path: Path) -> None:
    archive = recordings(tmp_path / 'other', layout='ntu_rgbd')
    with pytest.raises(DataError, match='archive is not of dataset nucla'):
        predict(small(SUPERVISED, sequences=None), trained, archive)


def test_an_unknown_subset_is_told_with_those_that_exist(trained: Path) -> None:
    with pytest.raises(ConfigError, match=r"no subset 'tset'(.|\n)*test") as caught:
        predict(small(SUPERVISED), trained, subset='tset')
    assert 'all' in str(caught.value)


@pytest.mark.parametrize('name', ['a[1]', '[red]x', '[/]', ':x:'])
def test_brackets_in_names_are_shown_as_they_are(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    found = Classified((name,), torch.tensor([0]), torch.tensor([[0.75, 0.25]]), (f'{name}0', f'{name}1'))
    Console().print(found.as_table())
    shown = capsys.readouterr().out
    assert f' {name} ' in shown and shown.count(f' {name}0 ') == 2


def test_classes_of_a_model_that_diverged_are_refused(trained: Path, tmp_path: Path) -> None:
    checkpoint = load_file(trained)
    checkpoint['state_dict'] = {k: v * float('nan') for k, v in checkpoint['state_dict'].items()}
    save_file(checkpoint, tmp_path / 'diverged.pth')
    with pytest.raises(DataError, match='scores that are not finite'):
        predict(small(SUPERVISED), tmp_path / 'diverged.pth')
    with pytest.raises(DataError, match='scores that are not finite'):
        budget = {'train_dataloader__dataset__unlabelled': 'keep'}
        predict_labels(small(SUPERVISED, **budget), tmp_path / 'diverged.pth', tmp_path / 'labels.json')


def test_nothing_is_made_beside_a_checkpoint_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match='no such checkpoint'):
        predict(small(SUPERVISED), tmp_path / 'runs/epoch_1.pth')
    assert not list(tmp_path.iterdir())
