"""Bodies as rows of a batch: all of them, or only those that are there."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from .augment import present_bodies


@dataclass(frozen=True)
class Bodies:
    """Which rows of a batch of bodies belong to which sequence.

    Attributes:
        sequence: (B,) the sequence of every row.
        body: (B,) which body of that sequence it is.
        num_sequences: N.
        num_bodies: M.
        complete: Whether every body has a row, in the order of sequences and bodies.
    """

    sequence: Tensor
    body: Tensor
    num_sequences: int
    num_bodies: int
    complete: bool = False

    @classmethod
    def every(cls, x: Tensor) -> Bodies:
        """All N * M bodies of x (N, C, T, V, M), absent ones too."""
        n, m = len(x), x.shape[-1]
        rows = torch.arange(n * m, device=x.device)
        return cls(rows // m, rows % m, n, m, complete=True)

    @classmethod
    def present(cls, x: Tensor) -> Bodies:
        """The bodies of x (N, C, T, V, M) that are not all zeros; the first of the batch if none is."""
        n, m = len(x), x.shape[-1]
        there = present_bodies(x.detach()).flatten(1)  # (N, M)
        there[0, 0] |= ~there.any()
        sequence, body = there.nonzero(as_tuple=True)
        return cls(sequence, body, n, m)

    def take(self, x: Tensor) -> Tensor:
        """(B, V, C, T) of x (N, C, T, V, M)."""
        if self.complete:
            return x.permute(0, 4, 3, 1, 2).flatten(0, 1)
        return x.permute(0, 4, 3, 1, 2)[self.sequence, self.body]

    def mean(self, rows: Tensor) -> Tensor:
        """(N, D), the mean of the rows (B, D) of each sequence; zeros for a sequence without a row."""
        if self.complete:
            return rows.unflatten(0, (self.num_sequences, self.num_bodies)).mean(dim=1)
        summed = rows.new_zeros(self.num_sequences, rows.shape[1]).index_add(0, self.sequence, rows)
        # Not `bincount`: a GPU would have to finish all its work first to know the length of the result.
        count = self.sequence.new_zeros(self.num_sequences)
        count = count.index_add(0, self.sequence, torch.ones_like(self.sequence)).clamp(min=1)
        return summed / count[:, None]

    def put(self, x: Tensor) -> Tensor:
        """(N, D, T, V, M) of x (D, T, B, V); zeros where a body has no row."""
        if not self.complete:
            place = self.sequence * self.num_bodies + self.body
            whole = x.new_zeros(*x.shape[:2], self.num_sequences * self.num_bodies, x.shape[3])
            x = whole.index_copy_(2, place, x)
        return x.unflatten(2, (self.num_sequences, self.num_bodies)).permute(2, 0, 1, 4, 3)
