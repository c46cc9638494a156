from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from skelreg.errors import ConfigError
from skelreg.heads.base import Head
from skelreg.regularizers.base import Regularizer
from skelreg.structures import MultiView, Step, Terms, View
from tests.learner.small import contrastive, is_same, learner, policy, run

HIERARCHY = dict(type='HierarchicalConsistencyHead')
CLASSIFIER = dict(type='LinearClassifier', num_classes=5)
SUPERVISED = dict(classifier=CLASSIFIER, heads=dict(classification=dict(type='ClassificationHead')))


class Anchor(Regularizer):
    """A term without the word that MMEngine's parse_losses looks for."""

    needs = frozenset({'embeddings'})

    def forward(self, step: Step) -> Terms:
        embeddings = step.embeddings[0]
        return Terms({'anchor': embeddings.square().mean()}, {'norm': embeddings.detach().norm()})


class Spread(Anchor):
    def forward(self, step: Step) -> Terms:
        return Terms({'spread': step.embeddings[0].var(dim=0).mean()})


class ReadsTheQueue(Head):
    needs = frozenset({'similarities'})

    def forward(self, step: Step) -> Terms:
        return Terms({'mean': step.similarities[0].mean()})


def gradient(model: Any, output: Any) -> Tensor:
    total, _ = model.parse_losses(output)
    return torch.autograd.grad(total, model.backbone.linear.weight)[0]


def test_a_term_without_loss_in_its_name_is_trained() -> None:
    model = learner(regularizers=dict(pull=dict(type=Anchor)))
    total, logged = model.parse_losses(run(model))
    assert set(logged) == {'loss', 'pull/anchor', 'pull/norm'}
    assert total == logged['pull/anchor']
    total.backward()
    assert model.backbone.linear.weight.grad.any()


def test_diagnostics_are_logged_and_not_summed() -> None:
    model = learner(regularizers=dict(pull=dict(type=Anchor), spread=dict(type=Spread, weight=0.5)))
    total, logged = model.parse_losses(run(model))
    assert total == logged['pull/anchor'] + logged['spread/spread'] and logged['pull/norm'] > 0


@pytest.mark.parametrize('weight', [0.0, 0.5, 3.0, -1.0])
def test_weight_multiplies_a_term(weight: float) -> None:
    results = []
    for value in (1.0, weight):
        model = learner(regularizers=dict(pull=dict(type=Anchor, weight=value)))
        torch.manual_seed(1)
        results.append(gradient(model, run(model)))
    torch.testing.assert_close(results[1], weight * results[0])


@pytest.mark.parametrize(('epoch', 'factor'), [(0, 0.0), (1, 0.5), (3, 1.5), (4, 2.0), (9, 2.0)])
def test_ramp_grows_the_weight_over_epochs(epoch: int, factor: float) -> None:
    model = learner(regularizers=dict(pull=dict(type=Anchor, weight=2.0, ramp=4)))
    plain = learner(regularizers=dict(pull=dict(type=Anchor)))
    model.regularizers.pull.set_epoch(epoch)
    found = []
    for built in (model, plain):
        torch.manual_seed(1)
        found.append(run(built)['losses']['pull/anchor'])
    torch.testing.assert_close(found[0], factor * found[1])


@pytest.mark.parametrize('options', [dict(weight=float('nan')), dict(ramp=-1)])
def test_bad_weights_are_refused_with_their_place(options: dict[str, float]) -> None:
    with pytest.raises(ConfigError, match=r'regularizers\.pull'):
        learner(regularizers=dict(pull=dict(type=Anchor, **options)))


def test_a_term_set_to_none_is_taken_away() -> None:
    model = contrastive(heads=dict(contrast=None, hierarchy=HIERARCHY))
    assert list(model.heads) == ['hierarchy']


def test_a_head_and_a_regularizer_with_one_name_are_refused() -> None:
    with pytest.raises(ConfigError, match=r'one name \(regularizers\.contrast'):
        contrastive(regularizers=dict(contrast=dict(type=Anchor)))


@pytest.mark.parametrize('name', ['a.b', 'keys'])
def test_a_name_that_no_module_can_have_is_refused(name: str) -> None:
    with pytest.raises(ConfigError, match='heads'):
        contrastive(heads={name: dict(type='InfoNCEHead')})


@pytest.mark.parametrize(
    ('arguments', 'messages'),
    [
        (dict(queue=None), ["'similarities'", 'model.queue', 'heads.contrast', 'supplied: embeddings']),
        (dict(projector=None, queue=None), ["'similarities'", 'model.projector']),
        (dict(key_encoder=None, queue=None), ["'similarities'", 'model.key_encoder']),
        (dict(data_preprocessor=policy(3, key=None), queue=None), ['a policy with a key view']),
        (dict(data_preprocessor=None, queue=None), ["'similarities'", 'heads.contrast']),
        (dict(heads=SUPERVISED['heads']), ["'class_logits'", 'model.classifier']),
        (dict(heads=dict(own=dict(type=ReadsTheQueue)), queue=None), ['ReadsTheQueue', 'heads.own']),
    ],
)
def test_a_term_whose_needs_are_not_supplied_is_refused(
    arguments: dict[str, Any], messages: list[str]
) -> None:
    with pytest.raises(ConfigError) as caught:
        contrastive(**arguments)
    assert all(message in str(caught.value) for message in messages), caught.value


@pytest.mark.parametrize(
    'arguments', [dict(projector=None), dict(key_encoder=None), dict(data_preprocessor=policy(1, key=None))]
)
def test_a_queue_without_keys_is_refused(arguments: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match='a queue holds keys'):
        contrastive(heads={}, **arguments)


@pytest.mark.parametrize('num_views', [1, 2])
def test_too_few_views_are_refused(num_views: int) -> None:
    heads = dict(hierarchy=HIERARCHY)
    if num_views > 1:
        assert contrastive(num_views, heads=heads).heads
        return
    with pytest.raises(ConfigError, match='at least 2 ordered views') as caught:
        contrastive(num_views, heads=heads)
    assert '1 from GrowingPolicy' in str(caught.value)


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        (dict(queue=dict(sise=8)), r"takes no argument 'sise' .*queue\.sise"),
        (dict(queue=dict(size=8, channels=3)), "takes no argument 'channels'"),
        (dict(queue=dict()), "lacks the argument 'size'"),
        (dict(queue=dict(size=0)), r'queue size must be >= 1, got 0.*\(queue\)'),
        (dict(key_encoder=dict(momentum=2)), r'momentum .*\(key_encoder\)'),
        (dict(initialization='kaiming'), "initialization must be 'torch' or 'release'"),
        (dict(frozen=('backbon',)), "frozen names 'backbon'"),
    ],
)
def test_bad_arguments_of_its_own_parts_are_refused(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        contrastive(**arguments)


def test_a_frozen_part_stays_in_eval_mode_without_gradient() -> None:
    model = learner(frozen=('backbone',), **SUPERVISED)
    before = {name: value.clone() for name, value in model.backbone.state_dict().items()}
    assert model.train() is model and not model.backbone.training and model.classifier.training
    total, _ = model.parse_losses(run(model, labels=torch.arange(8) % 5))
    total.backward()
    assert all(parameter.grad is None for parameter in model.backbone.parameters())
    assert all(torch.equal(before[name], value) for name, value in model.backbone.state_dict().items())


def test_each_view_is_encoded_once_however_many_terms_read_it() -> None:
    heads = dict(contrast=dict(type='InfoNCEHead'), hierarchy=HIERARCHY)
    model = contrastive(heads=heads, regularizers=dict(pull=dict(type=Anchor)))
    calls: list[int] = []
    model.backbone.register_forward_hook(lambda *_: calls.append(1))
    run(model)
    assert len(calls) == 3


def test_the_keys_of_a_step_are_queued_after_it() -> None:
    model = contrastive()
    before = model.queue.features.clone()
    run(model)
    assert model.queue.pointer == 8
    torch.testing.assert_close(model.queue.features[:8], model.last_keys)
    assert torch.equal(model.queue.features[8:], before[8:])


def test_a_forward_pass_without_training_leaves_keys_and_queue_alone() -> None:
    model = contrastive(classifier=CLASSIFIER).eval()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    batch = model.data_preprocessor({'inputs': torch.randn(4, 3, 12, 25, 2)}, training=False)
    model(**batch, mode='predict')
    model(**batch, mode='tensor')
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())


def test_stored_features_stand_in_for_the_frozen_backbone() -> None:
    model = learner(frozen=('backbone',), **SUPERVISED)
    batch = model.data_preprocessor({'inputs': torch.randn(6, 3, 12, 25, 2)}, training=False)
    labels = torch.arange(6) % 5
    pooled = model.extract(batch['multi_view'])
    first, second = (model(labels=labels, **given)['losses'] for given in (batch, dict(pooled=pooled)))
    torch.testing.assert_close(first, second)


def test_predict_gives_scores_with_labels_and_positions() -> None:
    model = learner(**SUPERVISED).eval()
    given = dict(labels=torch.arange(4), index=torch.arange(10, 14))
    (found,) = model(pooled=torch.randn(4, 8), mode='predict', **given)
    assert found['scores'].shape == (4, 5)
    assert found['index'] is given['index'] and found['labels'] is given['labels']


def test_predicting_without_a_classifier_says_what_to_add() -> None:
    with pytest.raises(ConfigError, match='no classifier'):
        learner()(pooled=torch.randn(4, 8), mode='predict')


def test_nothing_to_learn_from_is_refused() -> None:
    model = learner()
    with pytest.raises(ConfigError, match='nothing to learn from'):
        model.parse_losses(run(model))


def test_a_learner_fits_contrast_and_labels_in_one_run() -> None:
    heads = dict(hierarchy=HIERARCHY, classification=dict(type='ClassificationHead', weight=0.1))
    model = contrastive(classifier=CLASSIFIER, heads=heads, regularizers=dict(pull=dict(type=Anchor)))
    losses = run(model, labels=torch.arange(8) % 5)['losses']
    assert [name.partition('/')[0] for name in losses] == ['hierarchy'] * 3 + ['classification', 'pull']


def test_the_release_initialization_is_narrow() -> None:
    model = contrastive(initialization='release')
    model.init_weights()
    assert model.projector.layers[2].weight.std() < 0.04 and not model.projector.layers[2].bias.any()
    assert (model.backbone.norm.weight - 1).abs().max() < 0.1


def test_a_learners_weights_come_back_from_a_state_dict() -> None:
    model, again = contrastive(), contrastive()
    run(model)
    again.load_state_dict(model.state_dict())
    assert is_same(model.state_dict(), again.state_dict())


def test_a_branch_changes_the_skeleton_of_a_view_and_nothing_else() -> None:
    model = contrastive(1, branches=('bone', 'motion'), heads=dict(cross=dict(type='CrossStreamHead')))
    view = View('mixed', torch.randn(2, 3, 4, 25, 1), edges=torch.abs, sources=torch.eye(2))
    (found,) = model.branches['bone'].make_step(MultiView((view,))).views
    assert (found.name, found.edges, found.sources) == (view.name, view.edges, view.sources)
    assert not torch.equal(found.skeleton, view.skeleton)
