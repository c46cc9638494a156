"""All sequences of a subset on one device, so that no batch has to be copied there."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import get_worker_info

from ..errors import ConfigError

#: Share of a GPU's free memory that a set may take with 'auto'; model and activations need the rest.
SHARE = 0.25
#: Sequences copied at a time.
CHUNK = 1024


class Residence:
    """Moves the frames to a device when they are first asked for, and keeps them there.

    By then the model has its place and, of several processes, each has its GPU. Workers of a DataLoader
    hold nothing: a batch would have to leave the device to come back.

    Args:
        device: 'auto' takes the current GPU if the set fits into a quarter of its free memory; else a
            torch device; None holds nothing.

    Raises:
        ConfigError: If torch knows no such device.
    """

    def __init__(self, device: str | None) -> None:
        if device not in (None, 'auto'):
            try:
                torch.device(device)
            except RuntimeError as error:
                raise ConfigError(
                    'no such device', got=device, accepted="None, 'auto', or a torch device such as 'cuda'",
                    where='dataset.resident',
                ) from error
        self.device = device
        self._frames: Tensor | None = None
        self._is_decided = device is None

    def fetch(self, frames: NDArray[np.float32], indices: NDArray[np.int64]) -> Tensor | None:
        """Rows (N, ...) of the frames (S, ...), on the device; None if they are not held."""
        if get_worker_info() is not None:
            return None
        if not self._is_decided:
            device = choose_device(frames.nbytes) if self.device == 'auto' else self.device
            self._frames = None if device is None else _copy(frames, device)
            self._is_decided = True
        if self._frames is None:
            return None
        return self._frames[torch.from_numpy(indices).to(self._frames.device)]

    def __getstate__(self) -> dict[str, Any]:
        """A copy in another process decides for itself."""
        return {**self.__dict__, '_frames': None, '_is_decided': self.device is None}


def choose_device(size: int) -> str | None:
    """The current GPU if so many bytes fit into its share of free memory, else None."""
    if not torch.cuda.is_available():
        return None
    free, _ = torch.cuda.mem_get_info()
    return f'cuda:{torch.cuda.current_device()}' if size <= SHARE * free else None


def _copy(frames: NDArray[np.float32], device: str) -> Tensor:
    """Piece by piece, so that a memory-mapped set is never in memory as a whole."""
    held = torch.empty(frames.shape, dtype=torch.float32, device=device)
    for first in range(0, len(frames), CHUNK):
        held[first : first + CHUNK] = torch.from_numpy(np.array(frames[first : first + CHUNK]))
    return held
