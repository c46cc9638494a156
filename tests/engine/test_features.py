from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import torch

from skelreg import engine, provenance
from skelreg.engine.features import FeatureBank, extract_features, feature_key
from skelreg.errors import ConfigError, DataError
from tests.engine.toys import ToyDataset, toy_learner


def test_features_follow_the_order_of_the_dataset(model, dataset):
    bank = extract_features(model, dataset, batch_size=10)
    assert bank.index.tolist() == list(range(len(dataset)))
    assert torch.equal(bank.labels, dataset.labels)


def test_features_are_those_of_the_encoder_in_eval_mode(model, dataset):
    model.train()
    bank = extract_features(model, dataset)
    model.eval()
    expected = model.backbone(dataset.inputs).pooled
    torch.testing.assert_close(bank.features, expected)
    assert bank.features.dtype == torch.float32
    assert not bank.features.requires_grad


def test_features_do_not_depend_on_the_batch_size(model, dataset):
    one, other = (extract_features(model, dataset, batch_size=n) for n in (3, 100))
    torch.testing.assert_close(one.features, other.features)


@pytest.mark.parametrize('training', [True, False])
def test_extraction_leaves_the_mode_of_the_model(training, dataset):
    model = toy_learner(frozen=()).train(training)
    extract_features(model, dataset)
    assert model.training is model.backbone.training is training


def test_an_empty_dataset_is_refused(model):
    with pytest.raises(ConfigError, match='empty'):
        extract_features(model, ToyDataset(length=0))


def test_features_that_are_not_finite_are_refused(model, dataset):
    dataset.inputs[3, 0, 0, 0] = torch.nan
    with pytest.raises(DataError, match=r'(?s)features that are not finite.*got: 1 of 37 sequences'):
        extract_features(model, dataset)


def test_the_key_is_stable():
    assert feature_key(toy_learner(), ToyDataset()) == feature_key(toy_learner(), ToyDataset())


def change_weight(model, dataset, monkeypatch):
    with torch.no_grad():
        model.backbone.linear.weight[0, 0] += 1e-6


def change_buffer(model, dataset, monkeypatch):
    model.backbone.norm.running_mean[3] += 1e-6


def change_structure(model, dataset, monkeypatch):
    model.backbone.norm.eps = 1e-3


def change_settings(model, dataset, monkeypatch):
    model.encoder_settings = {**model.encoder_settings, 'pooling': 'mean'}


def change_graph(model, dataset, monkeypatch):
    model.backbone.register_buffer('graph', torch.eye(3), persistent=False)


def change_neck(model, dataset, monkeypatch):
    model.neck = torch.nn.Linear(8, 8)


def change_dataset(model, dataset, monkeypatch):
    dataset.fingerprint = 'other'


def change_stream(model, dataset, monkeypatch):
    model.data_preprocessor.stream = 'bone'


def change_layout(model, dataset, monkeypatch):
    model.layout = 'other'


def change_precision(model, dataset, monkeypatch):
    model.double()


def change_version(model, dataset, monkeypatch):
    monkeypatch.setattr(engine.features, '__version__', '99')


def change_version_of_the_backbone(model, dataset, monkeypatch):
    monkeypatch.setitem(provenance._distribution_of_package, 'tests', ('tests', '99'))


@pytest.mark.parametrize(
    'change',
    [
        change_weight, change_buffer, change_structure, change_settings, change_graph, change_neck,
        change_dataset, change_stream, change_layout, change_precision, change_version,
        change_version_of_the_backbone,
    ],
)
def test_the_key_changes_with(change, model, dataset, monkeypatch):
    before = feature_key(model, dataset)
    change(model, dataset, monkeypatch)
    assert feature_key(model, dataset) != before


def test_the_key_changes_with_autocast(model, dataset):
    before = feature_key(model, dataset)
    with torch.autocast('cpu', torch.bfloat16):
        assert feature_key(model, dataset) != before


def test_the_key_ignores_the_classifier(model, dataset):
    before = feature_key(model, dataset)
    torch.nn.init.zeros_(model.classifier.linear.weight)
    assert feature_key(model, dataset) == before


def test_a_bank_is_extracted_once(model, dataset, tmp_path):
    first = FeatureBank(tmp_path).get(model, dataset)
    calls = model.backbone.calls
    second = FeatureBank(tmp_path).get(model, dataset)
    assert model.backbone.calls == calls
    for name in ('features', 'labels', 'index'):
        assert torch.equal(getattr(first, name), getattr(second, name))


@pytest.mark.parametrize('file', ['features.npy', 'labels.npy', 'index.npy', 'meta.json'])
@pytest.mark.parametrize('damage', ['truncate', 'remove', 'flip'])
def test_a_damaged_bank_is_extracted_anew(file, damage, model, dataset, tmp_path):
    store = FeatureBank(tmp_path)
    whole = store.get(model, dataset)
    path = tmp_path / feature_key(model, dataset) / file
    content = path.read_bytes()
    if damage == 'remove':
        path.unlink()
    else:
        path.write_bytes(content[:-5] + (b'' if damage == 'truncate' else bytes(b ^ 1 for b in content[-5:])))
    calls = model.backbone.calls
    assert torch.equal(store.get(model, dataset).features, whole.features)
    assert model.backbone.calls > calls


def test_a_failed_save_leaves_nothing(model, dataset, tmp_path, monkeypatch):
    def full(*_):
        raise OSError('No space left on device')

    monkeypatch.setattr(engine.features, 'write_json', full)
    with pytest.raises(OSError, match='No space'):
        FeatureBank(tmp_path).get(model, dataset)
    assert list(tmp_path.iterdir()) == []


def test_two_processes_may_save_the_same_bank(model, dataset, tmp_path):
    store = FeatureBank(tmp_path / 'a')
    bank = store.get(model, dataset)
    shutil.copytree(tmp_path / 'a', tmp_path / 'b')
    engine.features._save(tmp_path / 'b' / feature_key(model, dataset), bank)
    assert len(list((tmp_path / 'b').iterdir())) == 1


def test_of_two_processes_that_rename_at_once_the_slower_is_content(model, dataset, tmp_path, monkeypatch):
    rename = Path.rename

    def overtaken(path, target):
        shutil.copytree(path, target)
        return rename(path, target)

    monkeypatch.setattr(Path, 'rename', overtaken)
    bank = FeatureBank(tmp_path).get(model, dataset)
    assert torch.equal(engine.features._load(tmp_path / feature_key(model, dataset)).features, bank.features)
    assert len(list(tmp_path.iterdir())) == 1
