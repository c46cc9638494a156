from __future__ import annotations

import pytest
import torch

from skelreg.errors import ConfigError
from skelreg.functional.streams import to_stream
from skelreg.graphs import get_layout
from skelreg.learner.preprocessor import SkeletonPreprocessor
from tests.learner.small import BASIC

X = torch.randn(4, 3, 12, 20, 2, generator=torch.Generator().manual_seed(0))
GROWING = dict(type='GrowingPolicy', key=BASIC, stages=[BASIC, [dict(type='JointMask', ratio=0.5)]])


@pytest.mark.parametrize('stream', ['joint', 'bone', 'motion'])
def test_evaluation_sees_the_plain_stream(stream: str) -> None:
    preprocessor = SkeletonPreprocessor(policy=GROWING, stream=stream, layout='nucla')
    (view,) = preprocessor({'inputs': X}, training=False)['multi_view'].views
    assert torch.equal(view.skeleton, to_stream(X, stream, get_layout('nucla')))


def test_training_sees_the_views_of_the_policy() -> None:
    batch = SkeletonPreprocessor(policy=GROWING, layout='nucla')({'inputs': X}, training=True)
    views = batch['multi_view']
    assert [view.name for view in views.views] == ['stage_0', 'stage_1'] and views.key is not None


def test_everything_else_travels_on() -> None:
    batch = dict(inputs=X, labels=torch.arange(4), index=torch.arange(4))
    found = SkeletonPreprocessor(layout='nucla')(batch, training=True)
    assert set(found) == {'multi_view', 'labels', 'index'} and 'inputs' in batch


def test_features_of_a_frozen_encoder_pass() -> None:
    batch = dict(pooled=torch.randn(4, 8), labels=torch.arange(4))
    assert set(SkeletonPreprocessor()(batch, training=True)) == {'pooled', 'labels'}


@pytest.mark.parametrize('stream_first', [True, False])
def test_the_stream_comes_before_or_after_coordinates_are_augmented(stream_first: bool) -> None:
    noise = dict(type='SingleViewPolicy', augmentations=[dict(type='GaussianNoise', std=1.0, p=1.0)])
    preprocessor = SkeletonPreprocessor(noise, stream='bone', stream_first=stream_first, layout='nucla')
    (view,) = preprocessor({'inputs': X}, training=True)['multi_view'].views
    root = next(joint for joint, parent in enumerate(get_layout('nucla').parents) if joint == parent)
    assert bool(view.skeleton[:, :, :, root].any()) == stream_first  # a root has no bone, but noise


def test_an_unknown_stream_is_refused() -> None:
    with pytest.raises(ValueError, match="'joint', 'bone' or 'motion'"):
        SkeletonPreprocessor(stream='bones')


def test_an_unknown_augmentation_is_named_with_its_place() -> None:
    policy = dict(type='GrowingPolicy', stages=[[], [dict(type='Sheer')]])
    with pytest.raises(ConfigError, match=r'policy\.stages\.1\.0\.type') as caught:
        SkeletonPreprocessor(policy=policy)
    assert 'Closest: Shear' in str(caught.value)
