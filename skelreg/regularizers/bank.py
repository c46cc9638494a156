"""One row of memory for every training sequence."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from ..errors import CheckpointError
from ..functional.gather import gather_rows
from ..structures import TrainingSet


class SequenceBank(nn.Module):
    """A vector for each sequence of the training set, by its position there; part of checkpoints.

    Under several processes every write is gathered, so that all hold the same rows. A checkpoint's bank
    is taken over only if it was made with the same data.

    Args:
        channels: Length of a row.

    Attributes:
        values: (S, channels) the rows, zeros until they are written.
        writes: (S,) int64, how often each row has been written.
    """

    values: Tensor
    writes: Tensor
    fingerprint: Tensor

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.channels = channels
        self.register_buffer('values', torch.zeros(0, channels))
        self.register_buffer('writes', torch.zeros(0, dtype=torch.int64))
        self.register_buffer('fingerprint', torch.zeros(32, dtype=torch.uint8))

    def resize(self, data: TrainingSet) -> None:
        """Make one empty row for each sequence of a training set."""
        size, device = len(data.labels), self.values.device
        self.values = torch.zeros(size, self.channels, device=device)
        self.writes = torch.zeros(size, dtype=torch.int64, device=device)
        digest = hashlib.sha256(data.fingerprint.encode()).digest()
        self.fingerprint = torch.tensor(list(digest), dtype=torch.uint8, device=device)

    @property
    def written(self) -> Tensor:
        """(S,) booleans: rows that hold something."""
        return self.writes > 0

    @torch.no_grad()
    def write(self, positions: Tensor, rows: Tensor) -> None:
        """Overwrite rows; of a position that comes twice the last row stays.

        Shape:
            positions: (n,) int64; rows: (n, channels).
        """
        positions = gather_rows(positions)
        rows = gather_rows(rows.detach().to(self.values.dtype))
        order = torch.arange(len(positions), device=positions.device)
        last = torch.full_like(self.writes, -1).scatter_reduce(0, positions, order, 'amax')
        touched = last >= 0
        self.values[touched] = rows[last[touched]]
        self.writes[touched] += 1

    def _load_from_state_dict(self, state_dict: Mapping[str, Any], prefix: str, *rest: Any) -> None:
        """Refuse rows of other data before anything is copied."""
        saved = state_dict.get(f'{prefix}fingerprint')
        if saved is not None and not torch.equal(saved.cpu(), self.fingerprint.cpu()):
            raise CheckpointError(
                'the features kept for each sequence belong to another training set',
                got=f'fingerprint {_short(saved)}',
                accepted=f'{_short(self.fingerprint)}, that of the training set of this config',
                where=prefix.rstrip('.'),
                fix='resume with the dataset, transforms and label budget that the run was started with',
            )
        super()._load_from_state_dict(state_dict, prefix, *rest)


def _short(fingerprint: Tensor) -> str:
    return bytes(fingerprint.tolist()).hex()[:12]
