from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from skelreg.datasets.transforms import CenterEachFrame, CenterFirstFrame
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
