from __future__ import annotations

import pytest
import torch
from torch import nn

from skelreg.errors import ConfigError
from skelreg.structures import View
from tests.learner.small import is_same, learner, run

CLASSIFIER = dict(type='MLPClassifier', num_classes=5)
NECK = dict(type='LinearTranslation', out_channels=6)
MEAN_TEACHER = dict(teach=dict(type='MeanTeacher'))


def taught(**teacher: float | bool):
    return learner(neck=NECK, classifier=CLASSIFIER, teacher=teacher, regularizers=MEAN_TEACHER)


def states(model):
    return model.teacher.encoder.state_dict(), model.predictor().state_dict()


def test_it_starts_equal_to_the_student() -> None:
    model = taught()
    nn.init.normal_(model.backbone.linear.weight)
    assert not is_same(*states(model))
    model.init_weights()
    assert is_same(*states(model))


def test_it_starts_equal_to_the_student_after_pretrained_weights() -> None:
    model = taught()
    nn.init.normal_(model.backbone.linear.weight)
    model.after_pretrained()
    assert is_same(*states(model))


@pytest.mark.parametrize('momentum', [0.5, 0.999])
def test_its_weights_are_the_average_with_a_quick_start(momentum: float) -> None:
    """At step t the momentum is min(m, 1 - 1 / (t + 1)), so that the first steps make a plain mean."""
    model = taught(momentum=momentum)
    expected = torch.full_like(model.backbone.linear.bias, 7.0)
    for t in range(6):
        nn.init.constant_(model.backbone.linear.bias, float(t))
        m = min(momentum, 1 - 1 / (t + 1))
        expected = m * expected + (1 - m) * t
        run(model, labels=torch.full((8,), -1))
        torch.testing.assert_close(model.teacher.encoder['backbone'].linear.bias, expected)


def test_it_goes_on_counting_where_its_checkpoint_stopped() -> None:
    first, second = taught(momentum=0.9), taught(momentum=0.9)
    for value in (1.0, 2.0):
        nn.init.constant_(first.backbone.linear.bias, value)
        first.teacher.update(first.predictor())
    second.load_state_dict(first.state_dict())
    nn.init.constant_(second.backbone.linear.bias, 6.0)
    second.teacher.update(second.predictor())
    assert int(second.teacher.steps) == 3
    torch.testing.assert_close(second.teacher.encoder['backbone'].linear.bias, torch.full((8,), 3.0))


def test_its_step_reads_no_number_from_the_device(monkeypatch: pytest.MonkeyPatch) -> None:
    model = taught()
    monkeypatch.setattr(torch.Tensor, '__int__', lambda _: pytest.fail('the host would wait'))
    model.teacher.update(model.predictor())


def test_it_learns_nothing_by_gradient() -> None:
    model = taught()
    total, _ = model.parse_losses(run(model, labels=torch.full((8,), -1)))
    total.backward()
    assert all(parameter.grad is None for parameter in model.teacher.parameters())
    assert model.backbone.linear.weight.grad is not None


def test_it_runs_backbone_neck_and_classifier() -> None:
    model = taught().eval()
    model.init_weights()
    view = View('plain', torch.randn(3, 3, 4, 25, 2))
    expected = model.classifier(model.neck(model.backbone(view.skeleton).pooled))
    torch.testing.assert_close(model.teacher(view), expected)


@pytest.mark.parametrize('predicts', [True, False])
def test_it_predicts_where_it_is_told_to(predicts: bool) -> None:
    model = taught(predicts=predicts).eval()
    nn.init.normal_(model.teacher.encoder['neck'].linear.weight)
    batch = model.data_preprocessor({'inputs': torch.randn(3, 3, 4, 25, 2)}, training=False)
    (found,) = model(**batch, mode='predict')
    student = model.classifier(model.neck(model.backbone(batch['multi_view'].views[0].skeleton).pooled))
    assert torch.allclose(found['scores'], student) is not predicts


def test_a_teacher_without_a_classifier_is_refused() -> None:
    with pytest.raises(ConfigError, match='a teacher predicts classes'):
        learner(teacher=dict())


def test_a_term_that_needs_a_teacher_says_what_to_configure() -> None:
    with pytest.raises(ConfigError, match=r'model\.teacher'):
        learner(classifier=CLASSIFIER, regularizers=MEAN_TEACHER)
