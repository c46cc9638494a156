from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from skelreg.datasets.resample import resample
from skelreg.datasets.transforms import (
    AlignShoulders,
    CenterEachFrame,
    CenterFirstFrame,
    CountedFrames,
    ResampleFrames,
)
from skelreg.errors import ConfigError
from skelreg.graphs import get_layout
from skelreg.registry import TRANSFORMS

BOTH = pytest.mark.parametrize('transform', [CenterEachFrame, CenterFirstFrame])


@pytest.fixture
def frames() -> np.ndarray:
    """Two bodies; the second is absent from the first two of four frames."""
    frames = np.random.default_rng(0).normal(size=(4, 2, 25, 3)).astype(np.float32)
    frames[:2, 1] = 0
    return frames


def test_every_frame_and_body_is_centred_on_its_own_joint(frames: np.ndarray) -> None:
    result = CenterEachFrame('ntu_rgbd', joint=3)(frames)
    for t, m in [(0, 0), (3, 0), (3, 1)]:
        np.testing.assert_array_equal(result[t, m], frames[t, m] - frames[t, m, 3])


def test_the_first_frame_of_the_first_body_centres_all(frames: np.ndarray) -> None:
    result = CenterFirstFrame('ntu_rgbd', joint=3)(frames)
    np.testing.assert_array_equal(result[3], frames[3] - frames[0, 0, 3])


def test_the_first_frame_is_the_first_with_a_body(frames: np.ndarray) -> None:
    frames[0] = 0
    result = CenterFirstFrame('ntu_rgbd', joint=3)(frames)
    np.testing.assert_array_equal(result[2], frames[2] - frames[1, 0, 3])


@BOTH
def test_an_absent_body_stays_absent(frames: np.ndarray, transform: Callable[..., Any]) -> None:
    assert not transform('ntu_rgbd')(frames)[:2, 1].any()


@BOTH
def test_the_default_joint_is_the_centre(frames: np.ndarray, transform: Callable[..., Any]) -> None:
    centre = get_layout('ntu_rgbd').centre
    np.testing.assert_array_equal(transform('ntu_rgbd')(frames), transform('ntu_rgbd', joint=centre)(frames))


@BOTH
def test_a_score_is_no_coordinate(frames: np.ndarray, transform: Callable[..., Any]) -> None:
    result = transform('ntu_rgbd', channels=('x', 'y', 'score'))(frames)
    np.testing.assert_array_equal(result[..., 2], frames[..., 2])


@BOTH
def test_the_input_is_left_alone(frames: np.ndarray, transform: Callable[..., Any]) -> None:
    before = frames.copy()
    transform('ntu_rgbd')(frames)
    np.testing.assert_array_equal(frames, before)


def test_a_joint_that_does_not_exist_is_refused() -> None:
    with pytest.raises(ConfigError, match=r'joint must be within 0..19 of nucla, got 20'):
        TRANSFORMS.build(dict(type='CenterEachFrame', joint=20), layout='nucla')


def test_as_many_frames_are_kept_as_the_first_body_is_counted_in(frames: np.ndarray) -> None:
    frames[1, 0] = 0
    np.testing.assert_array_equal(CountedFrames()(frames), frames[:3])


def test_the_middle_of_a_long_sequence_is_kept() -> None:
    frames = np.arange(1, 8, dtype=np.float32)[:, None, None, None] * np.ones((1, 1, 25, 3), np.float32)
    np.testing.assert_array_equal(CountedFrames(max_frames=4)(frames), frames[1:5])


def test_a_sequence_without_a_first_body_keeps_its_length(frames: np.ndarray) -> None:
    frames[:, 0] = 0
    assert len(CountedFrames()(frames)) == len(frames)


def test_frames_are_resampled_within_the_transforms(frames: np.ndarray) -> None:
    np.testing.assert_array_equal(ResampleFrames(7)(frames), resample(frames, 7))


def test_shoulders_point_along_x_afterwards(frames: np.ndarray) -> None:
    """Exactly so where the shoulder line is long, and in frames that look as the whole does."""
    frames[:, :, 8] = frames[:, :, 4] + np.float32([300, 20, 400])
    turned = AlignShoulders('ntu_rgbd')(frames)
    line = turned[:, :, 8] - turned[:, :, 4]
    np.testing.assert_allclose(line, np.broadcast_to([500, 20, 0], line.shape), atol=1e-3)
    np.testing.assert_array_equal(turned[..., 1], frames[..., 1])
    lengths = [np.linalg.norm(x - x[:, :, :1], axis=-1) for x in (turned, frames)]
    np.testing.assert_allclose(*lengths, atol=1e-4)


def test_shoulders_that_point_away_and_back_are_turned_to_one_side(frames: np.ndarray) -> None:
    """Decided once for a body: frames that look the other way come out wrong, as released."""
    for t, z in enumerate((4, 4, 4, -4)):
        frames[t, :, 8] = frames[t, :, 4] + np.float32([3, 0, z])
    line = np.diff(AlignShoulders('ntu_rgbd')(frames)[:, 0, [4, 8]], axis=1)[:, 0]
    np.testing.assert_allclose(line[:3, 2], 0, atol=1e-3)
    np.testing.assert_allclose(line[3], [-1.4, 0, -4.8], atol=1e-3)


def test_a_body_may_be_turned_as_its_first_frame_is_and_keeps_its_own_turning(frames: np.ndarray) -> None:
    for t, (x, z) in enumerate(((300, 400), (400, -300), (0, 500), (-300, 400))):
        frames[t, 0, 8] = frames[t, 0, 4] + np.float32([x, 20, z])
    turned = AlignShoulders('ntu_rgbd', every_frame=False)(frames)
    line = (turned[:, 0, 8] - turned[:, 0, 4])[:4]
    expected = [[500, 20, 0], [0, 20, -500], [400, 20, 300], [140, 20, 480]]
    np.testing.assert_allclose(line, expected, atol=1e-2)
    assert not turned[:2, 1].any(), 'the second body comes later'
    shoulders = turned[2, 1, 8] - turned[2, 1, 4]
    assert shoulders[0] > 0 and abs(shoulders[2]) < 1e-2 * shoulders[0]


def test_an_absent_body_is_not_turned(frames: np.ndarray) -> None:
    assert not AlignShoulders('ntu_rgbd')(frames)[:2, 1].any()


@pytest.mark.parametrize(
    ('transform', 'message'),
    [
        (dict(type='CountedFrames', max_frames=0), 'max_frames must be at least 1, got 0'),
        (dict(type='ResampleFrames', num_frames=0), 'num_frames must be at least 1, got 0'),
        (dict(type='AlignShoulders', layout='nucla', left='chest'), "layout 'nucla' has no joint 'chest'"),
        (dict(type='AlignShoulders', layout='ntu_rgbd', channels=('x', 'y')), r"got \('x', 'y'\)"),
    ],
)
def test_refuses_what_cannot_be(transform: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        TRANSFORMS.build(transform)
