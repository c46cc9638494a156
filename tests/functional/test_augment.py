import numpy as np
import pytest
import torch

from skelreg.functional import augment
from skelreg.graphs import get_layout
from tests.reference import augment as reference

LAYOUT = get_layout('nucla')


@pytest.fixture
def x():
    torch.manual_seed(0)
    x = torch.randn(4, 3, 13, 20, 2, dtype=torch.float64)
    x[1, ..., 1] = 0
    return x


def assert_each(out, x, oracle, *params):
    """Compare a batch with an oracle of one sequence, each with its own parameters."""
    expected = [oracle(sample.numpy(), *own) for sample, *own in zip(x, *params, strict=True)]
    torch.testing.assert_close(out, torch.from_numpy(np.stack(expected)))


@pytest.mark.parametrize('padding', [0, 2, 13])
def test_temporal_crop_agrees_with_loops(x, padding):
    start = torch.randint(2 * padding + 1, (4,))
    out = augment.temporal_crop(x, start, padding)
    assert_each(out, x, reference.temporal_crop, start.tolist(), [padding] * 4)


def test_shear_agrees_with_loops(x):
    factors = torch.rand(4, 3, 3).double() * (1 - torch.eye(3))
    assert_each(augment.shear(x, factors), x, reference.linear_map, (torch.eye(3) + factors).tolist())


def test_rotate_agrees_with_loops_and_keeps_lengths(x):
    degrees = torch.rand(4, 3).double() * 90
    out = augment.rotate(x, degrees)
    assert_each(out, x, reference.rotate, degrees.tolist())
    torch.testing.assert_close(out.norm(dim=1), x.norm(dim=1))


def test_quarter_turn_about_z_sends_y_to_x(x):
    out = augment.rotate(x, torch.tensor([[0.0, 0.0, 90.0]]).expand(4, 3).double())
    torch.testing.assert_close(out[:, 0], x[:, 1])


@pytest.mark.parametrize('mirror', [False, True])
def test_spatial_flip_agrees_with_loops(x, mirror):
    index, every = torch.tensor(LAYOUT.flip_index), torch.ones(4, dtype=torch.bool)
    out = augment.spatial_flip(x, index, every, mirror)
    assert_each(out, x, reference.spatial_flip, [LAYOUT.mirror] * 4, [mirror] * 4)


def test_flips_touch_only_marked_sequences(x):
    marked = torch.tensor([True, False, True, False])
    backwards = augment.time_flip(x, marked)
    flipped = augment.spatial_flip(x, torch.tensor(LAYOUT.flip_index), marked, True)
    assert torch.equal(backwards[0], x[0].flip(1))
    assert torch.equal(backwards[~marked], x[~marked])
    assert torch.equal(flipped[~marked], x[~marked])


@pytest.mark.parametrize('normalized', [False, True])
def test_blur_agrees_with_loops(x, normalized):
    sigma = torch.tensor([0.1, 0.7, 1.5, 4.0], dtype=torch.float64)
    out = augment.blur(x, sigma, torch.ones(4, dtype=torch.bool), normalized)
    assert_each(out, x, reference.blur, sigma.tolist(), [normalized] * 4)


def test_normalized_blur_keeps_a_skeleton_that_stands_still():
    still = torch.randn(2, 3, 1, 20, 1).expand(2, 3, 9, 20, 1)
    out = augment.blur(still, torch.tensor([0.5, 2.0]), torch.tensor([True, True]), True)
    torch.testing.assert_close(out, still.contiguous())


def test_axis_mask_zeroes_one_channel_and_minus_one_none(x):
    out = augment.axis_mask(x, torch.tensor([0, 2, -1, 1]))
    assert not out[0, 0].any() and not out[1, 2].any() and not out[3, 1].any()
    assert torch.equal(out[2], x[2])
    assert torch.equal(out[0, 1:], x[0, 1:])


@pytest.mark.parametrize('keep_absent', [False, True])
def test_fill_mask_agrees_with_loops(x, keep_absent):
    mask = torch.rand(4, 13, 20) < 0.3
    out = augment.fill_mask(x, mask, torch.tensor(0.5), keep_absent)
    assert_each(out, x, reference.fill_mask, mask.numpy(), [0.5] * 4, [keep_absent] * 4)


def test_present_bodies_are_those_with_a_nonzero_coordinate(x):
    x[2, ..., 0] = 0
    x[2, 1, 3, 4, 0] = 1e-9
    expected = [[True, True], [True, False], [True, True], [True, True]]
    assert augment.present_bodies(x).reshape(4, 2).tolist() == expected


@pytest.mark.parametrize('call', [augment.shear, augment.linear_map])
def test_linear_maps_need_three_channels(call):
    with pytest.raises(ValueError, match='got 2 channels'):
        call(torch.randn(1, 2, 4, 20, 1), torch.zeros(1, 3, 3))


def test_spatial_flip_needs_the_joints_of_its_layout(x):
    with pytest.raises(ValueError, match='25 joints, the batch has 20'):
        augment.spatial_flip(x, torch.arange(25), torch.ones(4, dtype=torch.bool), True)


def test_matrix_products_stay_in_full_precision_under_autocast():
    x = torch.randn(2, 3, 9, 20, 1)
    degrees, sigma, every = torch.rand(2, 3) * 30, torch.ones(2), torch.tensor([True, True])
    plain = augment.blur(augment.rotate(x, degrees), sigma, every, True)
    with torch.autocast('cpu', torch.bfloat16):
        assert torch.equal(augment.blur(augment.rotate(x, degrees), sigma, every, True), plain)
