"""Moving skeletons for a page: the views of one sequence side by side."""

from __future__ import annotations

import html
import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..graphs import SkeletonLayout

#: Draws every strip of a page; in a file of its own, so that editors know it for JavaScript.
SCRIPT = Path(__file__).with_name('skeletons.js')
#: Radians by which skeletons are turned before they are drawn flat, so that depth shows.
_TURN, _TILT = 0.35, 0.15


def animated_strip(views: Mapping[str, Tensor], layout: SkeletonLayout) -> str:
    """HTML of the panels of one sequence, which move in step once `SCRIPT` runs on the page.

    All panels have one scale. A joint that is hidden (all of its coordinates equal) is not drawn, except
    for the layout's centre, which centred data hold at the origin.

    Args:
        views: Title -> coordinates.
    Shape:
        coordinates: (C, T, V, M), C being x, y (up), z or x, y.
    Raises:
        ValueError: If there is no view, or no joint is visible in any.
    """
    drawn = {title: _flat(view, layout) for title, view in views.items()}
    if not drawn or all(np.isnan(points).all() for points in drawn.values()):
        raise ValueError('there is nothing to draw: no view shows a joint')
    seen = np.concatenate([points.reshape(-1, 2) for points in drawn.values()])
    # Noise and shear make outliers; a scale that fits them all would make every skeleton tiny.
    low, high = np.nanpercentile(seen, 0.5, axis=0), np.nanpercentile(seen, 99.5, axis=0)
    margin = 0.05 * float((high - low).max() or 1)
    data = {
        'bones': [[child, parent, _side(layout, child)] for child, parent in layout.edges if child != parent],
        'box': [round(float(v), 3) for v in (*(low - margin), *(high + margin))],
        'views': [_rounded(points) for points in drawn.values()],
    }
    panels = ''.join(
        f'<figure><canvas></canvas><figcaption>{html.escape(title)}</figcaption></figure>' for title in drawn
    )
    payload = json.dumps(data, separators=(',', ':')).replace('<', '\\u003c')
    return f'<div class="strip">{panels}<script type="application/json">{payload}</script></div>'


def _flat(view: Tensor, layout: SkeletonLayout) -> NDArray[np.float32]:
    """(M, T, V, 2) what a viewer sees of (C, T, V, M), nan where a joint is hidden."""
    x = view.detach().cpu().float().permute(3, 1, 2, 0)  # (M, T, V, C)
    hidden = (x == x[..., :1]).all(dim=-1)
    absent = hidden.all(dim=2)  # (M, T)
    hidden[..., layout.centre] = absent
    if x.shape[-1] > 2:
        x = _turned(x)
    points = x[..., :2].numpy().copy()
    points[hidden.numpy()] = np.nan
    return points


def _turned(x: Tensor) -> Tensor:
    """Turn (..., 3) about the vertical, then tilt it towards the viewer."""
    a, b = torch.tensor(_TURN), torch.tensor(_TILT)
    right, up, away = x.unbind(dim=-1)
    right, away = a.cos() * right + a.sin() * away, a.cos() * away - a.sin() * right
    return torch.stack([right, b.cos() * up + b.sin() * away], dim=-1)


def _side(layout: SkeletonLayout, joint: int) -> int:
    """0 for the trunk, 1 for the first, 2 for the second of a mirrored pair of joints."""
    for first, second in layout.mirror:
        if joint in (first, second):
            return 1 if joint == first else 2
    return 0


def _rounded(points: NDArray[np.float32]) -> list:
    """Nested lists of (M, T, V, 2) in millimetres' precision, None in place of a hidden joint."""
    return [
        [[None if np.isnan(xy[0]) else [round(float(v), 3) for v in xy] for xy in frame] for frame in body]
        for body in points
    ]
