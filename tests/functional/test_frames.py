from __future__ import annotations

import pytest
import torch

from skelreg.functional import frames
from skelreg.functional.frames import segment_centers, segment_frames, take_frames
from tests.reference import semi_supervised as reference

LENGTHS = torch.tensor([1, 3, 40, 41, 97, 300])


@pytest.mark.parametrize('num_frames', [1, 7, 40])
def test_random_frames_agree_with_the_loop(num_frames: int) -> None:
    seeded = torch.Generator().manual_seed(1)
    places = torch.rand(len(LENGTHS), num_frames, generator=torch.Generator().manual_seed(1)).tolist()
    found = segment_frames(LENGTHS, num_frames, seeded).tolist()
    assert found == [
        reference.segment_frames(length, num_frames, row)
        for length, row in zip(LENGTHS.tolist(), places, strict=True)
    ]


def test_every_segment_gives_a_frame_of_its_own_span() -> None:
    found = segment_frames(torch.full((1000,), 80), 40)
    assert set((found - 2 * torch.arange(40)).flatten().tolist()) == {0, 1}


def test_the_middle_frames_are_the_loops_at_one_half() -> None:
    found = segment_centers(LENGTHS, 10).tolist()
    assert found == [reference.segment_frames(length, 10, [0.5] * 10) for length in LENGTHS.tolist()]


@pytest.mark.parametrize('length', [1, 7, 10**6, 10**7])
def test_the_last_frame_is_never_passed(length: int) -> None:
    almost_one = torch.nextafter(torch.tensor(1.0), torch.tensor(0.0)).expand(1, 3)
    assert frames._at(torch.tensor([length]), almost_one).max() == length - 1


def test_taking_frames_agrees_with_the_loop() -> None:
    x, chosen = torch.randn(2, 3, 5, 4, 2), torch.tensor([[0, 0, 4], [1, 2, 3]])
    found = take_frames(x, chosen)
    for n in range(2):
        for t, frame in enumerate(chosen[n]):
            assert torch.equal(found[n, :, t], x[n, :, frame])
