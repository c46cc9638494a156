from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
import torch

from skelreg.engine.metrics import classification_report
from skelreg.engine.results import SCHEMA, make_result, other_result, result_path, write_result
from skelreg.errors import ConfigError
from tests.engine.toys import ToyDataset


@pytest.fixture
def result(tmp_path):
    checkpoint = tmp_path / 'epoch_3.pth'
    checkpoint.write_bytes(b'weights')
    report = classification_report(torch.eye(5)[[0, 1, 2, 2]], torch.tensor([0, 1, 2, 3]))
    return make_result(
        report, protocol='linear', dataset=ToyDataset(), checkpoint=checkpoint, config='configs/a.py', seed=0
    )


def test_a_result_names_where_it_came_from(result):
    assert result['checkpoint_sha256'] == hashlib.sha256(b'weights').hexdigest()
    assert (result['dataset'], result['split'], result['subset']) == ('toy', 'xsub', 'test')
    assert result['synthetic'] is True
    assert result['top1'] == 0.75


def test_a_checkpoint_in_the_current_folder_is_named_relative_to_it(tmp_path, monkeypatch):
    (tmp_path / 'epoch_3.pth').write_bytes(b'weights')
    monkeypatch.chdir(tmp_path)
    report = classification_report(torch.eye(5)[[0]], torch.tensor([0]))
    where = dict(checkpoint=tmp_path / 'epoch_3.pth', config=None)
    made = make_result(report, protocol='linear', dataset=ToyDataset(), seed=0, **where)
    assert made['checkpoint'] == 'epoch_3.pth'


def test_a_result_lies_beside_its_checkpoint(result, tmp_path):
    path = write_result(result_path(result['checkpoint'], 'linear'), result)
    assert path == tmp_path / 'epoch_3.linear.json'
    assert tuple(json.loads(path.read_text())) == SCHEMA
    assert sorted(p.name for p in tmp_path.iterdir()) == ['epoch_3.linear.json', 'epoch_3.pth']


def test_a_kill_while_writing_leaves_the_old_result(result, tmp_path, monkeypatch):
    path = write_result(tmp_path / 'r.json', result)

    def killed(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, 'replace', killed)
    with pytest.raises(KeyboardInterrupt):
        write_result(path, {**result, 'top1': 0.5})
    assert json.loads(path.read_text())['top1'] == 0.75
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.parametrize(
    ('change', 'message'), [({'surprise': 1}, 'one schema'), ({'top1': 75.0}, 'a fraction of one')]
)
def test_a_result_off_the_schema_is_refused(change, message, result, tmp_path):
    with pytest.raises(ConfigError, match=message):
        write_result(tmp_path / 'r.json', {**result, **change})


@pytest.mark.parametrize(
    ('change', 'is_other'),
    [
        ({'top1': 0.5, 'date': 'later', 'seed': 3}, False),
        ({'config': str(Path.cwd() / 'configs/a.py')}, False),
        ({'config': 'configs/b.py'}, True),
        ({'config': None}, True),
        ({'split': 'xview'}, True),
        ({'synthetic': False}, True),
        ({'label_budget': {'per_class_n': 5}}, True),
    ],
)
def test_a_result_of_other_data_or_another_config_is_found(change, is_other, result, tmp_path):
    path = write_result(tmp_path / 'r.json', result)
    assert other_result(path, {**result, **change}) == (json.loads(path.read_text()) if is_other else None)


@pytest.mark.parametrize('content', [None, '{', '[]', '{}'])
def test_what_is_no_result_is_no_other_result(content, result, tmp_path):
    if content is not None:
        (tmp_path / 'r.json').write_text(content)
    assert other_result(tmp_path / 'r.json', result) is None


def test_a_random_encoder_has_no_checkpoint(result):
    report = {name: result[name] for name in (
        'top1', 'top5', 'mean_class', 'per_class', 'confusion', 'counts', 'num_samples')}
    made = make_result(report, protocol='knn1', dataset=ToyDataset(), checkpoint=None, config=None, seed=1)
    assert made['checkpoint'] is made['checkpoint_sha256'] is None
