import pytest
import torch

from skelreg.augmentations.spatial import AxisMask, GaussianNoise, Rotate, Shear, SpatialFlip
from skelreg.graphs import SkeletonLayout

X = torch.randn(500, 3, 4, 20, 1)


def test_shear_factors_lie_within_the_amplitude_off_the_diagonal():
    factors = Shear(amplitude=0.25).sample(X)['factors']
    assert not factors.diagonal(dim1=1, dim2=2).any()
    assert 0.24 < factors.abs().max() <= 0.25


def test_rotation_has_one_main_axis_and_turns_both_ways():
    degrees = Rotate(main_degrees=30, minor_degrees=1).sample(X)['degrees']
    assert ((degrees.abs() > 1).sum(dim=1) <= 1).all()
    assert (degrees > 25).any(dim=0).all() and (degrees < -25).any(dim=0).all()


def test_release_rotation_turns_one_way():
    assert (Rotate(one_sided=True).sample(X)['degrees'] >= 0).all()


def test_noise_has_the_given_deviation():
    noise = GaussianNoise(std=0.02, p=1.0)(X) - X
    torch.testing.assert_close(noise.std(), torch.tensor(0.02), rtol=0.05, atol=0)


def test_release_noise_reaches_absent_bodies():
    absent = torch.zeros(2, 3, 4, 20, 2)
    assert GaussianNoise(p=1.0, keep_absent=False)(absent).all()


def test_axis_mask_loses_each_channel_in_turn():
    axis = AxisMask(p=1.0).sample(X)['axis']
    assert axis.bincount(minlength=3).min() > 120


def test_flip_needs_mirror_pairs():
    line = SkeletonLayout('line', ('a', 'b'), ((1, 0),), centre=0)
    with pytest.raises(ValueError, match='no mirror pairs'):
        SpatialFlip(line)


def test_flip_keeps_its_index_out_of_checkpoints():
    assert not SpatialFlip('nucla').state_dict()
