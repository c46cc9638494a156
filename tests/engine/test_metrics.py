from __future__ import annotations

import json

import pytest
import torch
from mmengine.evaluator import Evaluator
from sklearn.metrics import balanced_accuracy_score

from skelreg.engine import metrics
from skelreg.engine.metrics import ClassificationMetric, classification_report
from skelreg.errors import DataError


def samples(n: int = 90, classes: int = 6) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    scores = torch.randn(n, classes, generator=generator)
    labels = torch.randint(classes, (n,), generator=generator)
    return {'scores': scores, 'labels': labels, 'index': torch.arange(n)}


def batches(whole, size=32):
    return [{k: v[i : i + size] for k, v in whole.items()} for i in range(0, len(whole['index']), size)]


def test_batches_through_the_evaluator_give_the_report_of_the_whole():
    metric, whole = ClassificationMetric(), samples()
    evaluator = Evaluator(metric)
    for batch in batches(whole):
        evaluator.process([batch])
    figures = evaluator.evaluate(90)
    assert metric.last_result == classification_report(whole['scores'], whole['labels'])
    assert figures == {f'accuracy/{k}': metric.last_result[k] for k in ('top1', 'top5', 'mean_class')}


def test_samples_that_ranks_repeat_count_once(monkeypatch):
    whole = samples()
    halves = [{k: v[rows] for k, v in whole.items()} for rows in (torch.arange(0, 60), torch.arange(30, 90))]
    metric = ClassificationMetric()
    metric.process(None, [halves[0]])
    other = [tuple(halves[1][name] for name in ('scores', 'labels', 'index'))]
    monkeypatch.setattr(metrics, 'all_gather_object', lambda mine: [list(mine), other])
    metric.evaluate(90)
    assert metric.last_result == classification_report(whole['scores'], whole['labels'])


def test_a_sample_that_was_never_predicted_is_an_error():
    metric = ClassificationMetric()
    metric.process(None, [samples(89)])
    with pytest.raises(DataError, match='did not see every sequence'):
        metric.evaluate(90)


def test_an_unknown_label_is_an_error():
    metric, whole = ClassificationMetric(), samples()
    whole['labels'][3] = -1
    metric.process(None, [whole])
    with pytest.raises(DataError, match='no class'):
        metric.evaluate(90)


@pytest.mark.parametrize('value', [float('nan'), float('inf')])
def test_scores_that_are_not_finite_are_an_error(value):
    metric, whole = ClassificationMetric(), samples()
    whole['scores'][[3, 7]] = value
    metric.process(None, [whole])
    with pytest.raises(DataError, match=r'scores that are not finite(?s:.*)got: 2 of 90(?s:.*)learning rate'):
        metric.evaluate(90)


def test_mean_class_accuracy_agrees_with_scikit_learn():
    whole = samples()
    report = classification_report(whole['scores'], whole['labels'])
    expected = balanced_accuracy_score(whole['labels'], whole['scores'].argmax(dim=1))
    assert report['mean_class'] == pytest.approx(expected)


def test_the_report_is_plain_json():
    whole = samples(n=4)
    report = classification_report(whole['scores'], whole['labels'])
    assert None in report['per_class']
    assert json.loads(json.dumps(report, allow_nan=False)) == report


def test_fewer_than_five_classes_have_no_top5():
    whole = samples(classes=4)
    assert classification_report(whole['scores'], whole['labels'])['top5'] is None
