"""Chains of axis augmentations in policies: put together, computed once, the same as one after the other."""

import pytest
import torch

from skelreg.augmentations.base import Augmentation, AxisAugmentation
from skelreg.augmentations.policies import GrowingPolicy, SingleViewPolicy
from skelreg.augmentations.spatial import Rotate
from skelreg.errors import PluginError
from skelreg.functional.axis_maps import AxisMaps
from skelreg.functional.streams import motion

X = torch.zeros(2, 3, 4, 5, 1)
CROP = {'type': 'TemporalCrop', 'padding_ratio': 2}


def unchanged(x):
    return x


class AddsOne(Augmentation):
    """No map of axes."""

    def sample(self, x, generator=None):
        return {}

    def apply(self, x):
        return x + 1


MAPS = [
    dict(type='TemporalCrop'), dict(type='Shear'), dict(type='SpatialFlip'), dict(type='Rotate'),
    dict(type='TimeFlip'), dict(type='GaussianBlur'), dict(type='AxisMask'), dict(type='SpatialFlip'),
]


@pytest.mark.parametrize('space', ['coordinates', 'stream'])
def test_a_chain_of_maps_gives_what_its_augmentations_give_in_turn(space):
    policy = SingleViewPolicy(MAPS, layout='nucla')
    for augmentation in policy.augmentations:
        augmentation.space = space
    x = torch.randn(6, 3, 12, 20, 2)
    made = policy(x, motion, torch.Generator().manual_seed(1)).views[0].skeleton
    generator = torch.Generator().manual_seed(1)
    expected = motion(x) if space == 'stream' else x
    for augmentation in policy.augmentations:
        expected = augmentation(expected, generator)
    torch.testing.assert_close(made, expected if space == 'stream' else motion(expected))


@pytest.mark.parametrize('share_base', [False, True])
def test_views_of_maps_are_those_that_their_draws_say(share_base, monkeypatch):
    """Each view from the drawn parameters, sequence by sequence."""
    drawn = []

    def recorded(self, x, generator=None):
        params = sample(self, x, generator)
        drawn.append(params['degrees'])
        return params

    sample = Rotate.sample
    monkeypatch.setattr(Rotate, 'sample', recorded)
    x = torch.randn(3, 3, 4, 20, 2)
    rotation = dict(type='Rotate')
    stages = [[rotation], [rotation], [dict(type=AddsOne), rotation]]
    made = GrowingPolicy(stages, share_base=share_base)(x, unchanged)
    for place in range(3):
        own = [draw.reshape(3, -1, 3)[place] for draw in drawn]  # for each stage, (views, 3)
        for view, made_view in enumerate(made.views):
            y = x[place : place + 1]
            for stage in range(view + 1):
                degrees = own[stage][0 if share_base else view - stage]
                y = Rotate().apply(y + 1 if stage == 2 else y, degrees[None])
            torch.testing.assert_close(made_view.skeleton[place : place + 1], y)


class OwnApply(Rotate):
    """Does more than its maps say."""

    def apply(self, x, degrees):
        return super().apply(x, degrees) + 5


def test_a_subclass_with_its_own_apply_keeps_it():
    still = dict(type=OwnApply, main_degrees=0.0, minor_degrees=0.0)
    made = GrowingPolicy([[still], [CROP]])(X, unchanged)
    assert all((view.skeleton == 5).all() for view in made.views)


class SometimesBackwards(AxisAugmentation):
    """Says nothing where it changes nothing."""

    calls = 0

    def sample(self, x, generator=None):
        return {}

    def maps(self, x):
        self.calls += 1
        frames = torch.arange(x.shape[2]).flip(0).expand(len(x), -1)
        return AxisMaps() if self.calls % 2 else AxisMaps(frames=frames)


def test_views_whose_maps_change_different_axes_are_computed_apart():
    x = torch.randn(3, 3, 4, 5, 2)
    still = dict(type='Rotate', main_degrees=0.0, minor_degrees=0.0)
    policy = GrowingPolicy([[dict(type=SometimesBackwards), still], []])
    policy.stages[0][0].mixes = True  # so that each view has a call of its own
    first, second = (view.skeleton for view in policy(x, unchanged).views)
    assert torch.equal(first, x)
    assert torch.equal(second, x.flip(2))


class OneCutForAll(AxisAugmentation):
    """Has one row for the whole batch."""

    def sample(self, x, generator=None):
        return {}

    def maps(self, x):
        return AxisMaps(frames=torch.zeros(1, x.shape[2], dtype=torch.int64))


@pytest.mark.parametrize('stages', [[[dict(type=OneCutForAll)]], [[CROP, dict(type=OneCutForAll)], []]])
def test_maps_that_do_not_fit_are_refused_by_name(stages):
    with pytest.raises(PluginError, match=r'OneCutForAll.* does not fit this batch[^$]*\(1, 4\), not'):
        GrowingPolicy(stages)(X, unchanged)


def test_channels_that_a_shear_is_not_for_are_named():
    policy = SingleViewPolicy([dict(type='AxisMask'), dict(type='Shear')])
    with pytest.raises(PluginError, match=r'Shear[^$]*for 3 channels, the batch has 2'):
        policy(torch.zeros(2, 2, 4, 5, 1), unchanged)


class Named(Augmentation):
    """Writes a number of its own into every sequence of every view, at the place of a joint."""

    def __init__(self, joint):
        super().__init__()
        self.joint = joint

    def sample(self, x, generator=None):
        return {'names': torch.arange(1.0, 1 + len(x))}

    def apply(self, x, names):
        y = x.clone()
        y[:, 0, :, self.joint] = names[:, None, None]
        return y


def test_maps_before_and_after_others_keep_each_sequence_in_its_view():
    """Joints are turned round before and after a name is written, and the names are where they must be."""
    first, second = dict(type=Named, joint=0), dict(type=Named, joint=1)
    turned = dict(type=JointsTurned)
    stages = [[turned, first, turned], [turned, second], []]
    x = torch.zeros(3, 3, 4, 5, 2)
    views = [view.skeleton for view in GrowingPolicy(stages)(x, unchanged).views]
    own = 3 * torch.arange(3)[:, None] + torch.arange(3) + 1.0  # (sequences, views) of stage 0
    later = 2 * torch.arange(3)[:, None] + torch.arange(2) + 1.0  # of stage 1
    for index, view in enumerate(views):
        expected = torch.zeros_like(x)
        expected[:, 0, :, 0 if index else 4] = own[:, index, None, None]
        if index:
            expected[:, 0, :, 1] = later[:, index - 1, None, None]
        assert torch.equal(view, expected)


class JointsTurned(AxisAugmentation):
    """Names the joints from the last to the first."""

    def sample(self, x, generator=None):
        return {}

    def maps(self, x):
        return AxisMaps(joints=torch.arange(x.shape[3]).flip(0).expand(len(x), -1))
