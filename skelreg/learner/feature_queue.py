"""The queue of keys that serve as negatives."""

from __future__ import annotations

import torch
from torch import Tensor, nn


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
        keys = _gather(keys.detach().to(self.features.dtype))
        kept = keys[-self.size :]
        skipped = len(keys) - len(kept)
        rows = (self.pointer + skipped + torch.arange(len(kept), device=keys.device)) % self.size
        self.features[rows] = kept
        self.pointer.copy_((self.pointer + len(keys)) % self.size)


def _gather(keys: Tensor) -> Tensor:
    """(sum of N over ranks, d); ranks may hold batches of different sizes."""
    distributed = torch.distributed
    if not (distributed.is_available() and distributed.is_initialized()) or distributed.get_world_size() == 1:
        return keys
    own = torch.tensor(len(keys), device=keys.device)
    sizes = [torch.zeros_like(own) for _ in range(distributed.get_world_size())]
    distributed.all_gather(sizes, own)
    longest = int(torch.stack(sizes).max())
    padded = torch.cat([keys, keys.new_zeros(longest - len(keys), keys.shape[1])])
    gathered = [torch.empty_like(padded) for _ in sizes]
    distributed.all_gather(gathered, padded)
    return torch.cat([part[: int(size)] for part, size in zip(gathered, sizes, strict=True)])
