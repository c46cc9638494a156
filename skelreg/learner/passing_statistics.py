"""Batch norm that normalises and does not remember."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from torch import nn

T = TypeVar('T')
S = TypeVar('S')


def with_passing_statistics(run: Callable[[T], S], *modules: nn.Module | None) -> Callable[[T], S]:
    """``run`` inside a block of `passing_statistics`."""

    def passing(x: T) -> S:
        with passing_statistics(*modules):
            return run(x)

    return passing


@contextmanager
def passing_statistics(*modules: nn.Module | None) -> Iterator[None]:
    """Within the block, batch norm in train mode uses a batch's statistics but leaves the running ones alone.

    In eval mode it uses the running ones, as ever.
    """
    norms = [
        part
        for module in modules
        if module is not None
        for part in module.modules()
        if isinstance(part, nn.modules.batchnorm._BatchNorm) and part.track_running_stats
    ]
    for norm in norms:
        norm.track_running_stats = False
    try:
        yield
    finally:
        for norm in norms:
            norm.track_running_stats = True
