import pytest
import torch

from skelreg.functional.streams import STREAMS, bone, motion, to_stream
from skelreg.graphs import get_layout
from tests.reference import streams as reference


def batch(layout, bodies=2):
    x = torch.randn(3, 3, 6, get_layout(layout).num_joints, bodies)
    x[0, ..., 1] = 0
    return x


@pytest.mark.parametrize('layout', ['ntu_rgbd', 'nucla'])
def test_bone_agrees_with_loops(layout):
    x = batch(layout)
    expected = reference.bone(x.numpy(), get_layout(layout).edges)
    torch.testing.assert_close(bone(x, layout), torch.from_numpy(expected))


def test_motion_agrees_with_loops():
    x = batch('nucla')
    torch.testing.assert_close(motion(x), torch.from_numpy(reference.motion(x.numpy())))


def test_motion_of_one_frame_is_zero():
    assert not motion(torch.randn(2, 3, 1, 20, 1)).any()


@pytest.mark.parametrize('stream', STREAMS)
def test_stream_keeps_shape_type_and_input_and_leaves_absent_bodies_zero(stream):
    x = batch('ntu_rgbd').double()
    before = x.clone()
    out = to_stream(x, stream, 'ntu_rgbd')
    assert (out.shape, out.dtype) == (x.shape, x.dtype)
    assert torch.equal(x, before)
    assert not out[0, ..., 1].any()


def test_unknown_stream_is_refused():
    with pytest.raises(ValueError, match='joint, bone, motion'):
        to_stream(batch('nucla'), 'bones', 'nucla')


def test_layout_that_does_not_fit_is_refused():
    with pytest.raises(ValueError, match='25 joints, the batch has 20'):
        bone(batch('nucla'), 'ntu_rgbd')
