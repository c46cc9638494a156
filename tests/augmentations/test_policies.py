import pytest
import torch
from torch import nn

from skelreg.augmentations.base import Augmentation, AxisAugmentation
from skelreg.augmentations.policies import GrowingPolicy, SingleViewPolicy
from skelreg.augmentations.spatial import Rotate
from skelreg.errors import ConfigError, PluginError
from skelreg.functional.axis_maps import AxisMaps
from skelreg.functional.streams import motion


class Shift(Augmentation):
    """Adds a number, or a random one, so that a view shows what made it."""

    def __init__(self, by=None):
        super().__init__()
        self.by = by

    def sample(self, x, generator=None):
        drawn = torch.rand(len(x), generator=generator) if self.by is None else torch.full((len(x),), self.by)
        return {'by': drawn}

    def apply(self, x, by):
        return x + by[:, None, None, None, None]


class Scale(Shift):
    """Multiplies the stream."""

    space = 'stream'

    def apply(self, x, by):
        return x * by[:, None, None, None, None]


X = torch.zeros(2, 3, 4, 5, 1)
SHIFT = {'type': Shift}
CROP = {'type': 'TemporalCrop', 'padding_ratio': 2}
BLUR = {'type': 'GaussianBlur'}


def unchanged(x):
    return x


def shift(by):
    return {**SHIFT, 'by': by}


def scale(by):
    return {'type': Scale, 'by': by}


def values(multi_view):
    return [view.skeleton[0, 0, 0, 0, 0].item() for view in multi_view.views]


def test_view_i_has_the_augmentations_of_stages_0_to_i():
    policy = GrowingPolicy(key=[shift(7.0)], stages=[[shift(1.0)], [shift(10.0)], [shift(100.0)]])
    made = policy(X, unchanged)
    assert values(made) == [1, 11, 111]
    assert made.key.skeleton.unique().item() == 7
    assert [made.key.name, *(view.name for view in made.views)] == ['key', 'stage_0', 'stage_1', 'stage_2']


def test_stream_is_made_between_coordinates_and_stream_augmentations():
    policy = GrowingPolicy(stages=[[scale(3.0), shift(1.0)]])
    assert values(policy(X, lambda x: x + 10)) == [33]


def test_views_draw_for_themselves():
    made = GrowingPolicy(key=[SHIFT], stages=[[SHIFT], []])(X, unchanged)
    assert len({*values(made), made.key.skeleton[0, 0, 0, 0, 0].item()}) == 3


def test_shared_base_goes_on_from_the_same_draw():
    policy = GrowingPolicy(stages=[[SHIFT, scale(2.0)], [shift(10.0)], [scale(0.5)]], share_base=True)
    first, second, third = values(policy(X, unchanged))
    assert second == pytest.approx(first + 20)
    assert third == pytest.approx(second / 2)


def test_generator_decides_every_draw():
    policy = GrowingPolicy(key=[SHIFT], stages=[[SHIFT], [SHIFT]])
    once, again = (policy(X, unchanged, torch.Generator().manual_seed(3)) for _ in range(2))
    assert values(once) == values(again)
    assert torch.equal(once.key.skeleton, again.key.skeleton)


def test_policy_without_key_makes_none():
    policy = GrowingPolicy(stages=[[]])
    made = policy(X, unchanged)
    assert (policy.num_views, policy.has_key, made.key, len(made.views)) == (1, False, None, 1)
    assert torch.equal(made.views[0].skeleton, X)


def test_one_fill_serves_all_views():
    policy = GrowingPolicy(key=[], stages=[[{'type': 'JointMask', 'ratio': 0.4}], [CROP]])
    assert [name for name, _ in policy.named_parameters()] == ['stages.0.0.fill']


def test_layout_reaches_the_augmentations_that_take_one():
    policy = GrowingPolicy(stages=[[{'type': 'SpatialFlip'}, CROP]], layout='nucla')
    assert len(policy.stages[0][0].flip_index) == 20


def test_single_view_policy_makes_one_view_in_the_stream():
    made = SingleViewPolicy([shift(1.0)])(torch.randn(2, 3, 4, 5, 1), motion)
    assert (len(made.views), made.key) == (1, None)
    assert not made.views[0].skeleton[:, :, -1].any()


def test_policy_visits_modules_when_weights_are_initialised():
    policy, seen = GrowingPolicy(key=[SHIFT], stages=[[SHIFT]]), []
    nn.Sequential(policy).apply(seen.append)
    assert sum(isinstance(module, Shift) for module in seen) == 2
    assert seen[-2] is policy


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        ({'stages': []}, 'at least one list'),
        ({'stages': [shift(1.0)]}, 'must be a list of augmentation configs'),
        ({'stages': [[]], 'key': shift(1.0)}, 'key must be a list'),
    ],
)
def test_bad_stages_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        GrowingPolicy(**arguments)


def test_unknown_augmentation_is_named_with_its_place():
    with pytest.raises(ConfigError, match=r"'TemporalCorp' is not registered \(stages\.1\.0\.type\)"):
        GrowingPolicy(stages=[[], [{'type': 'TemporalCorp'}]])


class TakesFrom(Augmentation):
    """Replaces a share of every sequence by as much of the one so many places further on."""

    mixes = True

    def __init__(self, places, share, space):
        super().__init__()
        self.places, self.share, self.space = places, share, space

    def sample(self, x, generator=None):
        own = torch.eye(len(x))
        return {'matrix': (1 - self.share) * own + self.share * own.roll(self.places, 1)}

    def apply(self, x, matrix):
        return torch.einsum('ij,j...->i...', matrix, x)

    def sources(self, matrix):
        return matrix


@pytest.mark.parametrize('share_base', [False, True])
def test_views_know_what_they_are_mixed_of(share_base):
    first, second, third = (
        dict(type=TakesFrom, places=places, share=share, space=space)
        for places, share, space in ((1, 0.25, 'coordinates'), (2, 0.5, 'stream'), (1, 0.1, 'coordinates'))
    )
    policy = GrowingPolicy([[], [first], [second, third]], key=[], share_base=share_base)
    x = torch.randn(5, 3, 4, 6, 1)
    made = policy(x, lambda coordinates: 2 * coordinates)
    assert made.key.sources is None and made.views[0].sources is None
    for view in made.views[1:]:
        torch.testing.assert_close(torch.einsum('ij,j...->i...', view.sources, 2 * x), view.skeleton)


class FirstOfBatch(Augmentation):
    """Puts the first sequence of the batch in the place of all."""

    mixes = True

    def sample(self, x, generator=None):
        return {}

    def apply(self, x):
        return x[:1].expand_as(x)


def test_each_sequence_stays_in_its_place_in_every_view():
    x = torch.randn(4, 3, 4, 5, 2)
    made = GrowingPolicy(stages=[[shift(1.0)], [shift(10.0), shift(20.0)], [], [shift(100.0)]])(x, unchanged)
    for view, added in zip(made.views, (1, 31, 31, 131), strict=True):
        torch.testing.assert_close(view.skeleton, x + added)


def test_every_sequence_of_every_view_has_its_own_draw():
    made = GrowingPolicy(stages=[[SHIFT], [], [SHIFT]])(X, unchanged)
    drawn = torch.cat([view.skeleton.flatten(1) for view in made.views])
    assert (drawn == drawn[:, :1]).all()
    assert len(drawn[:, 0].unique()) == 3 * len(X)


def test_views_are_not_mixed_with_each_other():
    made = GrowingPolicy(stages=[[SHIFT, dict(type=FirstOfBatch)], []])(X, unchanged)
    first, second = (view.skeleton.unique() for view in made.views)
    assert len(first) == len(second) == 1
    assert first != second


class Permuted(Augmentation):
    """Says what it mixes, and not that it does."""

    def sample(self, x, generator=None):
        return {'order': torch.randperm(len(x), generator=generator)}

    def apply(self, x, order):
        return x[order]

    def sources(self, order):
        return torch.eye(len(order))[order]


def test_what_gives_sources_mixes():
    x = torch.randn(6, 3, 4, 5, 1)
    for view in GrowingPolicy(stages=[[dict(type=Permuted)], []])(x, unchanged).views:
        torch.testing.assert_close(torch.einsum('ij,j...->i...', view.sources, x), view.skeleton)


@pytest.mark.parametrize('dtype', [torch.float64, torch.bfloat16, torch.float16])
def test_views_keep_type_and_layout(dtype):
    x = torch.randn(3, 3, 4, 5, 2, dtype=dtype)
    with torch.autocast('cpu'):
        views = GrowingPolicy(stages=[[CROP, BLUR], [BLUR, CROP], []])(x, unchanged).views
    assert all(view.skeleton.dtype == dtype and view.skeleton.is_contiguous() for view in views)


def test_a_batch_without_sequences_has_views():
    names = ('TemporalCrop', 'GaussianNoise', 'SpatialFlip'), ('GaussianBlur', 'Shear'), ('AxisMask',)
    stages = [[dict(type=name, p=0.5) for name in stage] for stage in names]
    made = GrowingPolicy(stages=stages, layout='nucla')(torch.zeros(0, 3, 8, 20, 2), unchanged)
    assert [len(view.skeleton) for view in made.views] == [0, 0, 0]


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
    stages = [[rotation], [rotation], [shift(1.0), rotation]]
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
