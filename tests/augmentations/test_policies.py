import pytest
import torch
from torch import nn

from skelreg.augmentations import policies
from skelreg.augmentations.base import Augmentation, InPlaceAugmentation
from skelreg.augmentations.policies import GrowingPolicy, SingleViewPolicy
from skelreg.augmentations.spatial import GaussianNoise
from skelreg.errors import ConfigError
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


class HandsBack(Augmentation):
    """Returns what it got."""

    def sample(self, x, generator=None):
        return {}

    def apply(self, x):
        return x


class Writes(InPlaceAugmentation):
    """Writes over what it gets, in the stream, and keeps what it made for its gradient."""

    space = 'stream'

    def sample(self, x, generator=None):
        return {'by': torch.rand(len(x), generator=generator)}

    def apply_(self, x, by):
        return x.mul_(by[:, None, None, None, None]).tanh()


class WritesCoordinates(Writes):
    space = 'coordinates'


class QuietNoise(GaussianNoise):
    """Has an `apply` of its own, which says more than `apply_`."""

    def apply(self, x, **params):
        return 0 * super().apply(x, **params)


NOISE, BLUR = dict(type='GaussianNoise', p=1.0), dict(type='GaussianBlur', p=1.0)
CROP = dict(type='TemporalCrop')


@pytest.mark.parametrize('share_base', [False, True])
@pytest.mark.parametrize(
    'stages',
    [
        [[NOISE, BLUR], [BLUR]],
        [[CROP, NOISE], [BLUR], [NOISE]],
        [[], [NOISE], [CROP, BLUR]],
        [[dict(type=HandsBack), NOISE], [dict(type=HandsBack), BLUR]],
        [[dict(type=Writes)], [NOISE, dict(type=Writes)]],
        [[dict(type=WritesCoordinates), NOISE], [dict(type=WritesCoordinates)]],
    ],
)
def test_nothing_is_written_over_that_another_view_needs(monkeypatch, stages, share_base):
    def views(x):
        policy = GrowingPolicy(key=stages[0], stages=stages, share_base=share_base)
        made = policy(x, unchanged, torch.Generator().manual_seed(3))
        return [view.skeleton for view in (made.key, *made.views)]

    x = torch.randn(6, 3, 8, 20, 2)
    before, found = x.clone(), views(x)
    assert torch.equal(x, before)
    monkeypatch.setattr(policies, 'is_in_place', lambda augmentation: False)  # nothing is written over
    for view, expected in zip(found, views(x), strict=True):
        assert torch.equal(view, expected)
    assert not torch.equal(found[-1], x)


@pytest.mark.parametrize('wrap', [dict(type=WritesCoordinates), dict(type='Shear')])
def test_the_gradient_is_that_of_batches_that_are_not_written_over(monkeypatch, wrap):
    policy = GrowingPolicy(stages=[[CROP, NOISE, wrap, BLUR], [NOISE, wrap, BLUR]])
    leaf = torch.randn(4, 3, 8, 20, 2)

    def gradient():
        x = leaf.clone().requires_grad_()
        made = policy(x, unchanged, torch.Generator().manual_seed(3))
        sum(view.skeleton.square().sum() for view in made.views).backward()
        return x.grad

    found = gradient()
    assert found.flatten(1).any(dim=1).all()
    monkeypatch.setattr(policies, 'is_in_place', lambda augmentation: False)
    torch.testing.assert_close(found, gradient())


def test_an_apply_of_its_own_is_what_counts():
    made = SingleViewPolicy([CROP, dict(type=QuietNoise)])(torch.randn(4, 3, 8, 20, 2), unchanged)
    assert not made.views[0].skeleton.any()
