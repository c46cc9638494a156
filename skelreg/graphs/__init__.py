"""Skeleton layouts and the adjacency matrices made from them."""

from .adjacency import STRATEGIES, adjacency, hop_distance
from .layout import (
    SkeletonLayout,
    add_layout_file,
    comes_with_skelreg,
    get_layout,
    is_layout_file,
    layout_names,
    read_layout,
)

__all__ = [
    'STRATEGIES',
    'SkeletonLayout',
    'add_layout_file',
    'adjacency',
    'comes_with_skelreg',
    'get_layout',
    'hop_distance',
    'is_layout_file',
    'layout_names',
    'read_layout',
]
