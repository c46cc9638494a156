"""The queue of keys that serve as negatives."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ..functional.gather import gather_rows


class FeatureQueue(nn.Module):
    """A ring of unit vectors that owns its pointer and takes batches of any size.

    Args:
        size: K, how many keys are kept.
        channels: d, the length of a key.
    Shape:
        features: (K, d).
    """

    features: Tensor
    pointer: Tensor

    def __init__(self, size: int, channels: int) -> None:
        super().__init__()
        if size < 1:
            raise ValueError(f'queue size must be >= 1, got {size}; HiCLR configs use 32768')
        self.size = size
        start = torch.nn.functional.normalize(torch.randn(size, channels), dim=1)
        self.register_buffer('features', start)
        self.register_buffer('pointer', torch.zeros((), dtype=torch.int64))

    @torch.no_grad()
    def enqueue(self, keys: Tensor) -> None:
        """Overwrite the oldest rows with keys (N, d), gathered over all ranks in the order of the ranks."""
        keys = gather_rows(keys.detach().to(self.features.dtype))
        kept = keys[-self.size :]
        skipped = len(keys) - len(kept)
        rows = (self.pointer + skipped + torch.arange(len(kept), device=keys.device)) % self.size
        self.features[rows] = kept
        self.pointer.copy_((self.pointer + len(keys)) % self.size)
