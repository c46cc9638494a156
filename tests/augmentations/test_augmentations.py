"""What every augmentation promises, whatever it does."""

import pytest
import torch

from skelreg.augmentations.base import sometimes
from skelreg.augmentations.masking import FrameMask, JointMask
from skelreg.augmentations.spatial import AxisMask, GaussianNoise, Rotate, Shear, SpatialFlip
from skelreg.augmentations.temporal import GaussianBlur, TemporalCrop, TimeFlip

BUILDERS = {
    'temporal_crop': lambda p: TemporalCrop(p=p),
    'time_flip': lambda p: TimeFlip(p=p),
    'blur': lambda p: GaussianBlur(p=p),
    'release_blur': lambda p: GaussianBlur(p=p, normalized=False),
    'shear': lambda p: Shear(p=p),
    'rotate': lambda p: Rotate(p=p),
    'release_rotate': lambda p: Rotate(p=p, one_sided=True),
    'flip': lambda p: SpatialFlip('ntu_rgbd', p=p),
    'release_flip': lambda p: SpatialFlip('ntu_rgbd', p=p, mirror_coordinate=False),
    'noise': lambda p: GaussianNoise(p=p),
    'axis_mask': lambda p: AxisMask(p=p),
    'joint_mask': lambda p: JointMask(p=p),
    'still_joint_mask': lambda p: JointMask(p=p, per_frame=False),
    'frame_mask': lambda p: FrameMask(p=p),
}
every = pytest.mark.parametrize('build', BUILDERS.values(), ids=BUILDERS.keys())


def batch(n=16, dtype=torch.float32):
    """n copies of one sequence, the second body of the first half absent."""
    x = torch.randn(1, 3, 24, 25, 2, generator=torch.Generator().manual_seed(1)).repeat(n, 1, 1, 1, 1)
    x[: n // 2, ..., 1] = 0
    return x.to(dtype)


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


@every
def test_probability_zero_changes_nothing(build):
    x = batch()
    assert torch.equal(build(0.0)(x), x)


@every
def test_same_parameters_give_the_same_result(build):
    x, augmentation = batch(), build(0.5)
    params = augmentation.sample(x, seeded())
    expected = augmentation(x, seeded())
    assert torch.equal(augmentation.apply(x, **params), expected)
    assert torch.equal(augmentation.apply(x, **params), expected)


@every
def test_sequences_of_a_batch_differ(build):
    out = build(0.5)(batch(), seeded())[8:]
    assert any(not torch.equal(out[0], other) for other in out[1:])


@every
def test_probability_is_met(build):
    x = batch(400)[200:]
    out = build(0.5)(x, seeded())
    touched = (out != x).flatten(1).any(dim=1).double().mean()
    assert 0.35 < touched < 0.6


@every
@pytest.mark.parametrize('dtype', [torch.float32, torch.float64])
def test_shape_type_and_device_are_kept(build, dtype):
    x = batch(dtype=dtype)
    out = build(1.0)(x)
    assert (out.shape, out.dtype, out.device) == (x.shape, x.dtype, x.device)


@every
def test_input_is_not_modified(build):
    x = batch()
    before = x.clone()
    build(1.0)(x)
    assert torch.equal(x, before)


@every
def test_absent_bodies_stay_zero(build):
    augmentation = build(1.0)
    if isinstance(augmentation, (JointMask, FrameMask)):
        torch.nn.init.constant_(augmentation.fill, 0.7)
    assert not augmentation(batch())[:8, ..., 1].any()


@every
def test_probability_outside_zero_to_one_is_refused(build):
    with pytest.raises(ValueError, match='probability'):
        build(1.5)


@pytest.mark.parametrize(
    ('build', 'message'),
    [
        (lambda: TemporalCrop(padding_ratio=0), 'padding_ratio'),
        (lambda: GaussianBlur(sigma=(0.0, 1.0)), 'sigma'),
        (lambda: Shear(amplitude=0), 'amplitude'),
        (lambda: Rotate(main_degrees=-1), 'angles'),
        (lambda: GaussianNoise(std=-1), 'std'),
        (lambda: JointMask(ratio=1.0), 'ratio'),
    ],
)
def test_bad_arguments_are_refused(build, message):
    with pytest.raises(ValueError, match=message):
        build()


def test_probability_one_spends_no_draw():
    drawn, generator = torch.ones(4, 2), torch.Generator().manual_seed(0)
    before = generator.get_state()
    assert sometimes(drawn, 0.0, 1.0, generator) is drawn
    assert torch.equal(generator.get_state(), before)
    mixed = sometimes(torch.ones(400, 2), -1.0, 0.5, generator)
    assert torch.equal(mixed[:, 0], mixed[:, 1]) and 120 < (mixed[:, 0] == 1).sum() < 280
    assert mixed[:, 0].abs().eq(1).all()
