from __future__ import annotations

import numpy as np
import pytest

from skelreg.datasets.resample import resample

from ..reference.resampling import loop_resample


@pytest.mark.parametrize(
    ('length', 'num_frames'), [(1, 5), (2, 7), (7, 2), (30, 50), (201, 50), (50, 50), (4, 1)]
)
def test_agrees_with_the_loop(length: int, num_frames: int) -> None:
    frames = np.random.default_rng(length).normal(size=(length, 2, 3, 3)).astype(np.float32)
    result = resample(frames, num_frames)
    assert result.dtype == np.float32
    np.testing.assert_allclose(result, loop_resample(frames, num_frames), atol=1e-6)


def test_halving_averages_neighbours() -> None:
    np.testing.assert_array_equal(resample(np.float32([[0], [2], [4], [10]]), 2), [[1], [7]])


def test_one_frame_is_repeated() -> None:
    np.testing.assert_array_equal(resample(np.float32([[3]]), 4), [[3]] * 4)


def test_leaves_its_input_alone() -> None:
    frames = np.zeros((3, 1), np.float32)
    resample(frames, 3)[:] = 1
    assert not frames.any()
