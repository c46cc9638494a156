from __future__ import annotations

import pytest
import torch
from sklearn.neighbors import KNeighborsClassifier

from skelreg.engine.features import extract_features
from skelreg.errors import ConfigError
from tests.engine.toys import ToyDataset, loader, toy_learner, toy_runner, training

METRIC = dict(type='ClassificationMetric')


def train(work_dir, name='toy', loop='FrozenFeatureTrainLoop', model=None, **arguments):
    settings = training(ToyDataset(), **arguments)
    settings['train_cfg']['type'] = loop
    runner = toy_runner(work_dir, model or toy_learner(), name, **settings)
    runner.train()
    return runner


@pytest.mark.parametrize('drop_last', [True, False])
def test_frozen_features_give_the_weights_of_running_the_encoder_every_epoch(work_dir, drop_last):
    plain = train(work_dir, 'plain', 'EpochBasedTrainLoop', drop_last=drop_last).model.classifier
    frozen = train(work_dir, 'frozen', drop_last=drop_last).model.classifier
    untrained = toy_learner().classifier
    assert not torch.equal(frozen.linear.weight, untrained.linear.weight)
    torch.testing.assert_close(frozen.linear.weight, plain.linear.weight, rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(frozen.linear.bias, plain.linear.bias, rtol=1e-5, atol=1e-6)


def test_training_runs_the_encoder_once_over_the_data(work_dir):
    runner = train(work_dir, epochs=4)
    assert runner.model.backbone.calls == 1
    assert runner.iter == 4 * 5


def test_training_again_takes_the_features_from_the_cache(work_dir):
    train(work_dir, 'first')
    assert train(work_dir, 'second').model.backbone.calls == 0


def test_an_encoder_that_is_not_frozen_is_refused(work_dir):
    with pytest.raises(ConfigError, match='only be extracted once from a frozen backbone'):
        train(work_dir, model=toy_learner(frozen=()))


def test_augmented_views_are_refused(work_dir, monkeypatch):
    model = toy_learner()
    plain = model.data_preprocessor.make_views
    noisy = lambda x, training, _: plain(x + training * torch.randn_like(x), training)  # noqa: E731
    monkeypatch.setattr(model.data_preprocessor, 'make_views', noisy)
    with pytest.raises(ConfigError, match='cannot be augmented'):
        train(work_dir, model=model)


def test_plain_views_may_be_drawn_globally(work_dir):
    model = toy_learner(data_preprocessor=dict(type='SkeletonPreprocessor', global_draws=True))
    assert train(work_dir, model=model).iter == 3 * 5


def evaluate(work_dir, name, mode, loop, model):
    settings = {
        f'{mode}_dataloader': loader(ToyDataset(23, seed=1)),
        f'{mode}_evaluator': METRIC,
        f'{mode}_cfg': dict(type=loop),
    }
    runner = toy_runner(work_dir, model, name, **settings)
    return runner, getattr(runner, mode)()


@pytest.mark.parametrize('mode', ['val', 'test'])
def test_frozen_evaluation_equals_the_plain_one(work_dir, mode):
    plain = evaluate(work_dir, 'plain', mode, f'{mode.title()}Loop', toy_learner())[1]
    frozen = evaluate(work_dir, 'frozen', mode, f'FrozenFeature{mode.title()}Loop', toy_learner())[1]
    assert frozen == plain
    assert 0 <= frozen['accuracy/top1'] <= 1


@pytest.mark.parametrize('mode', ['val', 'test'])
def test_frozen_evaluation_again_does_not_run_the_encoder(work_dir, mode):
    loop = f'FrozenFeature{mode.title()}Loop'
    evaluate(work_dir, 'first', mode, loop, toy_learner())
    runner, _ = evaluate(work_dir, 'second', mode, loop, toy_learner())
    assert runner.model.backbone.calls == 0


def knn_runner(work_dir, name='knn', **arguments):
    return toy_runner(
        work_dir, toy_learner(classifier=None, heads={}, frozen=()), name,
        test_dataloader=loader(ToyDataset(23, seed=1)), test_evaluator=METRIC,
        test_cfg=dict(type='KNNTestLoop', **{'train_dataset': ToyDataset(60), **arguments}),
    )


def test_knn_agrees_with_scikit_learn(work_dir):
    runner = knn_runner(work_dir)
    metrics = runner.test()
    keys = extract_features(runner.model, ToyDataset(60))
    queries = extract_features(runner.model, ToyDataset(23, seed=1))
    for k in (1, 5, 20):
        oracle = KNeighborsClassifier(k, metric='cosine', algorithm='brute').fit(keys.features, keys.labels)
        assert metrics[f'knn{k}/top1'] == oracle.score(queries.features, queries.labels)


def test_knn_keeps_a_full_report_for_every_k(work_dir):
    runner = knn_runner(work_dir, k=(1, 3))
    metrics = runner.test()
    assert {name: r['top1'] for name, r in runner.test_loop.reports.items()} == {
        'knn1': metrics['knn1/top1'], 'knn3': metrics['knn3/top1'],
    }


def test_knn_again_does_not_run_the_encoder(work_dir):
    first = knn_runner(work_dir, 'first').test()
    again = knn_runner(work_dir, 'second')
    assert again.test() == first
    assert again.model.backbone.calls == 0


def test_knn_leaves_unlabelled_sequences_out(work_dir):
    keys = ToyDataset(60)
    keys.labels[::2] = -1
    runner = knn_runner(work_dir, train_dataset=keys, k=(30,))
    assert runner.test()['knn30/top1'] >= 0


def test_knn_refuses_more_neighbors_than_there_are(work_dir):
    with pytest.raises(ConfigError, match='k = 61 needs at least as many'):
        knn_runner(work_dir, k=(1, 61)).test()


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        (dict(k=5), 'k must be a list of whole numbers >= 1, got 5'),
        (dict(k=(0,)), 'k must be a list'),
        (dict(vote='distence'), "one of majority, distance, got 'distence'"),
    ],
)
def test_knn_refuses_what_it_cannot_count_with(arguments, message, work_dir):
    with pytest.raises(ValueError, match=message):
        knn_runner(work_dir, **arguments).test()


def test_knn_without_a_dataset_to_search_is_refused(work_dir):
    runner = knn_runner(work_dir, train_dataset=None)
    with pytest.raises(ConfigError, match='no dataset to search'):
        runner.test()
