import numpy as np
import pytest
import torch

from skelreg.functional import axis_maps
from skelreg.functional.axis_maps import AxisMaps
from skelreg.graphs import get_layout
from tests.reference import augment as reference
from tests.reference.augment import assert_each

LAYOUT = get_layout('nucla')
FLIP_INDEX = torch.tensor(LAYOUT.flip_index)
EVERY = torch.ones(4, dtype=torch.bool)


@pytest.fixture
def x():
    torch.manual_seed(0)
    return torch.randn(4, 3, 13, 20, 2, dtype=torch.float64)


def maps_of(channels, frames, joints, rows=4):
    """Random maps of the named axes; channels is None, 'matrix' or 'diagonal'."""
    return AxisMaps(
        None if channels is None else torch.randn((rows, 3) + (3,) * (channels == 'matrix')).double(),
        torch.randint(13, (rows, 13)) if frames else None,
        torch.randint(20, (rows, 20)) if joints else None,
    )


def by_definition(maps, x):
    """The formula of `AxisMaps`, number by number."""
    n, c, t, v, m = x.shape
    out = np.zeros((n * maps.copies, c, t, v, m))
    for r, channel, frame, joint, body, source in np.ndindex(n * maps.copies, c, t, v, m, c):
        factor = float(channel == source)
        if maps.channels is not None:
            matrix = maps.channels[r] if maps.channels.ndim == 3 else maps.channels[r].diag()
            factor = matrix[channel, source].item()
        from_frame = frame if maps.frames is None else maps.frames[r, frame]
        from_joint = joint if maps.joints is None else maps.joints[r, joint]
        value = x[r // maps.copies, source, from_frame, from_joint, body]
        out[r, channel, frame, joint, body] += factor * value
    return torch.from_numpy(out)


ALL = [
    (channels, frames, joints)
    for channels in (None, 'diagonal', 'matrix') for frames in (False, True) for joints in (False, True)
]


@pytest.mark.parametrize('copies', [1, 3])
@pytest.mark.parametrize('bodies', [1, 2, 3])
@pytest.mark.parametrize('axes', ALL)
def test_maps_do_what_their_formula_says(axes, bodies, copies):
    x = torch.randn(2, 3, 4, 5, bodies, dtype=torch.float64)
    channels, frames, joints, _ = maps_of(*axes, rows=2 * copies)
    maps = AxisMaps(
        channels, None if frames is None else frames[:, :4] % 4,
        None if joints is None else joints[:, :5] % 5, copies,
    )
    before = x.clone()
    torch.testing.assert_close(maps(x), by_definition(maps, x))
    assert torch.equal(x, before)


@pytest.mark.parametrize('later', ALL)
@pytest.mark.parametrize('first', ALL)
def test_a_chain_is_one_map(x, first, later):
    first, later = maps_of(*first), maps_of(*later)
    torch.testing.assert_close(first.then(later)(x), later(first(x)))


@pytest.mark.parametrize('axes', ALL)
def test_several_maps_together_give_their_results_beside_each_other(x, axes):
    several = [maps_of(*axes) for _ in range(3)]
    together = AxisMaps.together(several)
    expected = torch.stack([maps(x) for maps in several], dim=1)
    torch.testing.assert_close(together(x).unflatten(0, (4, 3)), expected)
    for apart, maps in zip(together.apart(3), several, strict=True):
        torch.testing.assert_close(apart(x), maps(x))


def test_maps_of_different_axes_are_not_put_together():
    assert AxisMaps.together([maps_of('matrix', True, False), maps_of('matrix', False, False)]) is None
    assert AxisMaps.together([maps_of('matrix', True, False), maps_of('diagonal', True, False)]) is None


@pytest.mark.parametrize('channels', ['diagonal', 'matrix'])
def test_gradient_reaches_the_input(channels):
    x = torch.randn(2, 3, 4, 5, 2, dtype=torch.float64, requires_grad=True)
    shape = (4, 3, 3) if channels == 'matrix' else (4, 3)
    frames, joints = torch.randint(4, (4, 4)), torch.randint(5, (4, 5))
    assert torch.autograd.gradcheck(AxisMaps(torch.randn(shape).double(), frames, joints, copies=2), x)


@pytest.mark.parametrize(
    ('maps', 'message'),
    [
        (AxisMaps(frames=torch.zeros(1, 13, dtype=torch.int64)), r'\(1, 13\), not \(4, 13\)'),
        (AxisMaps(frames=torch.zeros(4, 12, dtype=torch.int64)), 'for 12 frames, the batch has 13'),
        (AxisMaps(channels=torch.zeros(4, 3, 2)), r'\(4, 3, 2\), not \(4, 3\) or \(4, 3, 3\)'),
        (AxisMaps(joints=torch.zeros(4, 20, dtype=torch.int64), copies=2), r'\(4, 20\), not \(8, 20\)'),
    ],
)
def test_maps_of_another_batch_are_refused(x, maps, message):
    with pytest.raises(ValueError, match=message):
        maps(x)


def test_a_slice_of_a_larger_batch_gives_a_whole_tensor():
    x = torch.randn(4, 2, 3, 13, 20, 2, dtype=torch.float64)
    for axes in ALL[1:]:
        maps = maps_of(*axes)
        found = maps(x[:, 1])
        assert found.is_contiguous()
        assert torch.equal(found, maps(x[:, 1].contiguous()))


@pytest.mark.parametrize('padding', [0, 2, 13])
def test_temporal_crop_agrees_with_loops(x, padding):
    start = torch.randint(2 * padding + 1, (4,))
    out = axis_maps.temporal_crop(start, padding, 13)(x)
    assert_each(out, x, reference.temporal_crop, start.tolist(), [padding] * 4)


def test_shear_agrees_with_loops(x):
    factors = torch.rand(4, 3, 3).double() * (1 - torch.eye(3))
    assert_each(axis_maps.shear(factors)(x), x, reference.linear_map, (torch.eye(3) + factors).tolist())


def test_rotate_agrees_with_loops_and_keeps_lengths(x):
    degrees = torch.rand(4, 3).double() * 90
    out = axis_maps.rotate(degrees)(x)
    assert_each(out, x, reference.rotate, degrees.tolist())
    torch.testing.assert_close(out.norm(dim=1), x.norm(dim=1))


def test_quarter_turn_about_z_sends_y_to_x(x):
    out = axis_maps.rotate(torch.tensor([[0.0, 0.0, 90.0]]).expand(4, 3).double())(x)
    torch.testing.assert_close(out[:, 0], x[:, 1])


@pytest.mark.parametrize('mirror', [False, True])
def test_spatial_flip_agrees_with_loops(x, mirror):
    out = axis_maps.spatial_flip(EVERY, FLIP_INDEX, 3 if mirror else 0)(x)
    assert_each(out, x, reference.spatial_flip, [LAYOUT.mirror] * 4, [mirror] * 4)


def test_flips_touch_only_marked_sequences(x):
    marked = torch.tensor([True, False, True, False])
    backwards = axis_maps.time_flip(marked, 13)(x)
    flipped = axis_maps.spatial_flip(marked, FLIP_INDEX, 3)(x)
    assert torch.equal(backwards[0], x[0].flip(1))
    assert torch.equal(backwards[~marked], x[~marked])
    assert torch.equal(flipped[~marked], x[~marked])


def test_axis_mask_zeroes_one_channel_and_minus_one_none(x):
    out = axis_maps.axis_mask(torch.tensor([0, 2, -1, 1]), 3)(x)
    assert not out[0, 0].any() and not out[1, 2].any() and not out[3, 1].any()
    assert torch.equal(out[2], x[2])
    assert torch.equal(out[0, 1:], x[0, 1:])


@pytest.mark.parametrize('maps', [axis_maps.shear(torch.zeros(1, 3, 3)), axis_maps.rotate(torch.zeros(1, 3))])
def test_linear_maps_need_three_channels(maps):
    with pytest.raises(ValueError, match='for 3 channels, the batch has 2'):
        maps(torch.randn(1, 2, 4, 20, 1))


def test_spatial_flip_needs_the_joints_of_its_layout(x):
    with pytest.raises(ValueError, match='25 joints, the batch has 20'):
        axis_maps.spatial_flip(EVERY, torch.arange(25))(x)


def test_matrix_products_stay_in_full_precision_under_autocast():
    x, degrees, factors = torch.randn(2, 3, 9, 20, 1), torch.rand(2, 3) * 30, torch.rand(2, 3, 3)
    plain = axis_maps.shear(factors).then(axis_maps.rotate(degrees))(x)
    with torch.autocast('cpu', torch.bfloat16):
        assert torch.equal(axis_maps.shear(factors).then(axis_maps.rotate(degrees))(x), plain)


def lying_oddly(x):
    """The same numbers in several layouts of memory."""
    wide = torch.cat([x, x[..., :1]], dim=4)
    among_others = torch.stack([x, x], dim=1)
    late = torch.cat([x.new_zeros(1), x.flatten()])
    odd_rows = torch.cat([x.flatten(1), x.new_zeros(len(x), 1)], dim=1)[:, :-1]
    return {
        'as it is': x,
        'bodies before joints': x.transpose(3, 4).contiguous().transpose(3, 4),
        'two of three bodies': wide[..., :2],
        'among others': among_others[:, 1],
        'at an odd place': late[1:].view(x.shape),
        'an odd number apart': odd_rows.unflatten(1, x.shape[1:]),
        'frames last': x.transpose(2, 4).contiguous().transpose(2, 4),
    }


@pytest.mark.parametrize('axes', ALL)
@pytest.mark.parametrize('dtype', [torch.float64, torch.float32, torch.bfloat16])
def test_it_does_not_matter_how_a_batch_lies_in_memory(x, axes, dtype):
    maps = maps_of(*axes)
    layouts = lying_oddly(x.to(dtype))
    expected = maps(layouts['as it is'])
    for name, same in layouts.items():
        torch.testing.assert_close(maps(same), expected, msg=name)
        empty = AxisMaps(*(None if part is None else part[:0] for part in maps[:3]))
        assert empty(same[:0]).shape == (0, *x.shape[1:])
