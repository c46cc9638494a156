from __future__ import annotations

import json
import re
from typing import Any

import pytest
import torch

from skelreg.graphs import get_layout
from skelreg.report.skeletons import animated_strip

LAYOUT = get_layout('ntu_rgbd')


def skeleton(frames: int = 3, bodies: int = 1) -> torch.Tensor:
    return torch.randn(3, frames, 25, bodies, generator=torch.Generator().manual_seed(0))


def data_of(strip: str) -> dict[str, Any]:
    found = re.search(r'<script type="application/json">(.*)</script>', strip)
    assert found is not None
    return json.loads(found[1])


def test_every_view_has_a_panel_with_its_title() -> None:
    strip = animated_strip({'plain': skeleton(), 'a < b': skeleton()}, LAYOUT)
    assert strip.count('<canvas>') == 2 and '<figcaption>a &lt; b</figcaption>' in strip


def test_data_have_a_point_per_body_frame_and_joint() -> None:
    (view,) = data_of(animated_strip({'plain': skeleton(4, bodies=2)}, LAYOUT))['views']
    assert (len(view), len(view[0]), len(view[0][0]), len(view[0][0][0])) == (2, 4, 25, 2)


def test_hidden_joints_are_left_out() -> None:
    x = skeleton()
    x[:, 1, 7] = 0.25
    (view,) = data_of(animated_strip({'plain': x}, LAYOUT))['views']
    assert view[0][1][7] is None and None not in view[0][0]


def test_the_centre_is_drawn_at_the_origin() -> None:
    x = skeleton()
    x[:, :, LAYOUT.centre] = 0
    (view,) = data_of(animated_strip({'plain': x}, LAYOUT))['views']
    assert view[0][0][LAYOUT.centre] == [0, 0]


def test_an_absent_body_is_left_out_with_its_centre() -> None:
    x = skeleton(bodies=2)
    x[..., 1] = 0
    (view,) = data_of(animated_strip({'plain': x}, LAYOUT))['views']
    assert all(joint is None for frame in view[1] for joint in frame)


def test_two_channels_are_drawn_as_they_are() -> None:
    x = skeleton()[:2]
    (view,) = data_of(animated_strip({'plain': x}, LAYOUT))['views']
    assert view[0][0][3] == pytest.approx(x[:, 0, 3, 0].tolist(), abs=1e-3)


def test_bones_know_their_side() -> None:
    data, joints = data_of(animated_strip({'plain': skeleton()}, LAYOUT)), LAYOUT.joints
    bones = {child: side for child, _, side in data['bones']}
    assert [bones[joints.index(name)] for name in ('head', 'left_elbow', 'right_elbow')] == [0, 1, 2]


def test_refuses_views_without_a_joint() -> None:
    with pytest.raises(ValueError, match='nothing to draw'):
        animated_strip({'plain': torch.zeros(3, 2, 25, 1)}, LAYOUT)
