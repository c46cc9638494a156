from __future__ import annotations

import pytest
import torch
from torch import Tensor

from skelreg.errors import ConfigError
from skelreg.functional.frames import segment_centers
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


def test_global_draws_follow_the_step_s_seed_alone() -> None:
    preprocessor = SkeletonPreprocessor(policy=GROWING, layout='nucla', global_draws=True)

    def views(seed: int) -> list[Tensor]:
        preprocessor.set_step_seed(seed)
        torch.rand(1)
        return [view.skeleton for view in preprocessor({'inputs': X}, training=True)['multi_view'].views]

    first, again, other = views(1), views(1), views(2)
    assert all(map(torch.equal, first, again)) and not any(map(torch.equal, first, other))


def test_global_draws_without_a_seed_are_refused() -> None:
    preprocessor = SkeletonPreprocessor(policy=GROWING, layout='nucla', global_draws=True)
    preprocessor({'inputs': X}, training=False)
    with pytest.raises(ValueError, match='set_step_seed'):
        preprocessor({'inputs': X}, training=True)


def test_global_draws_are_refused_where_sequences_mix() -> None:
    policy = dict(type='GrowingPolicy', stages=[BASIC, [dict(type='SkeleAdaIN')]])
    with pytest.raises(ConfigError, match='SkeleAdaIN'):
        SkeletonPreprocessor(policy=policy, global_draws=True)


def test_frames_of_whole_sequences_are_middle_ones_in_a_test_and_random_ones_in_training() -> None:
    preprocessor = SkeletonPreprocessor(num_frames=5, layout='nucla')
    lengths = torch.tensor([12, 10, 5, 3])
    place = torch.arange(12.0)[None, None, :, None, None].expand(X.shape)
    batch = {'inputs': place, 'lengths': lengths}
    plain, again, drawn = (
        preprocessor(batch, training=training)['multi_view'].views[0].skeleton[:, 0, :, 0, 0]
        for training in (False, False, True)
    )
    assert torch.equal(plain, again) and not torch.equal(plain, drawn)
    assert torch.equal(plain, segment_centers(lengths, 5).float())
    assert (drawn < lengths[:, None]).all() and (drawn.diff(dim=1) >= 0).all()


def test_without_lengths_all_frames_count() -> None:
    preprocessor = SkeletonPreprocessor(num_frames=12, layout='nucla')
    (view,) = preprocessor({'inputs': X}, training=True)['multi_view'].views
    assert torch.equal(view.skeleton, X)


def test_no_frames_are_refused() -> None:
    with pytest.raises(ValueError, match='num_frames must be at least 1'):
        SkeletonPreprocessor(num_frames=0)
