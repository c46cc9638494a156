"""Views that a term makes for itself."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from skelreg.learner.passing_statistics import passing_statistics
from skelreg.structures import MultiView, View
from tests.learner.small import learner

CLASSIFIER = dict(type='LinearClassifier', num_classes=5, standardize=True)


def view(seed: int, n: int = 6) -> View:
    return View('own', torch.randn(n, 3, 4, 25, 2, generator=torch.Generator().manual_seed(seed)))


def statistics(model):
    norms = {name: value for name, value in model.named_buffers() if 'norm' in name or 'standardize' in name}
    return {name: value.clone() for name, value in norms.items()}


def test_an_extra_view_takes_the_path_of_the_views() -> None:
    model = learner(classifier=CLASSIFIER).eval()
    step = model.make_step(MultiView((view(0),)))
    torch.testing.assert_close(step.of(view(0)).class_logits[0], step.class_logits[0])


def test_batch_norm_normalises_an_extra_view_by_its_own_statistics_and_forgets_them() -> None:
    model = learner(classifier=CLASSIFIER).train()
    model.backbone.dropout.p = 0.0
    step = model.make_step(MultiView((view(0),)))
    before = statistics(model)
    extra = step.of(view(1, n=4)).class_logits[0]
    assert all(torch.equal(before[name], value) for name, value in statistics(model).items())
    expected = model.make_step(MultiView((view(1, n=4),))).class_logits[0]
    torch.testing.assert_close(extra, expected)
    assert any(not torch.equal(before[name], value) for name, value in statistics(model).items())


@pytest.mark.parametrize('training', [True, False])
def test_batch_norm_is_as_before_even_after_an_error(training: bool) -> None:
    norm = nn.BatchNorm1d(3).train(training)
    with pytest.raises(ValueError, match='planted'), passing_statistics(norm, None):
        raise ValueError('planted')
    assert norm.track_running_stats and norm.training is training


def test_stored_features_have_no_extra_views() -> None:
    step = learner(frozen=('backbone',)).make_step(None, pooled=torch.randn(4, 8))
    with pytest.raises(ValueError, match="supplies no 'extra_views'"):
        step.of(view(0))
