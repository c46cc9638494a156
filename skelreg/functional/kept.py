"""Constant tensors that are made once."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, wraps
from typing import ParamSpec, TypeVar, cast

import torch

P = ParamSpec('P')
T = TypeVar('T')


def kept(make: Callable[P, T]) -> Callable[P, T]:
    """Keep what a function makes for the last 32 different arguments, which must be hashable.

    It is made outside inference mode whoever asks first, since it must serve a later training step too.
    Nobody may write into it.
    """

    @lru_cache(maxsize=32)
    @wraps(make)
    def made(*args: P.args, **kwargs: P.kwargs) -> T:
        with torch.inference_mode(False):
            return make(*args, **kwargs)

    return cast(Callable[P, T], made)
