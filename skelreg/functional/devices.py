"""Where numbers lie, as far as it decides how they are computed."""

from __future__ import annotations

from torch import Tensor


def on_cpu(x: Tensor) -> bool:
    """Whether x lies where its numbers can be looked at without waiting for a device."""
    return x.device.type == 'cpu'
