"""Random draws that do not depend on how many processes share a batch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Self

import torch
from torch import Generator, Tensor


class GlobalBatchGenerator(Generator):
    """Seeded alike on all ranks, it draws for their batches together; each rank keeps its own rows.

    W ranks of N sequences then get what one process gets for W * N. Row i of rank r is row i * W + r of the
    global batch, which is how `DefaultSampler` and `RepeatingSampler` deal sequences out.

    Args:
        seed: The same on all ranks.
        batch_size: N of this step, the same on all ranks.
        device: Of the tensors to draw for.
    """

    def __new__(cls, seed: int, batch_size: int, device: torch.device | str = 'cpu') -> Self:
        return super().__new__(cls, device)  # type: ignore[call-arg]

    def __init__(self, seed: int, batch_size: int, device: torch.device | str = 'cpu') -> None:
        super().__init__()
        distributed = torch.distributed
        in_group = distributed.is_available() and distributed.is_initialized()
        self.rank, self.world_size = (
            (distributed.get_rank(), distributed.get_world_size()) if in_group else (0, 1)
        )
        self.batch_size = batch_size
        self.manual_seed(seed)

    def stand_in(self, x: Tensor) -> Tensor:
        """A tensor with as many rows as all ranks have together; its numbers mean nothing.

        Shape:
            x: (R, ...), R a multiple of N; output: (W * R, ...).
        """
        return x if self.world_size == 1 else x[:1].expand(self.world_size * len(x), *x.shape[1:])

    def own(self, drawn: Tensor, rows: int) -> Tensor:
        """This rank's rows of what was drawn for a stand-in; what is shared by all rows is left whole.

        Shape:
            drawn: (W * rows, ...), or with another first axis if it is shared; output: (rows, ...), or drawn.
        Raises:
            ValueError: If the rows are not those of N sequences.
        """
        if self.world_size == 1 or drawn.ndim == 0 or len(drawn) != self.world_size * rows:
            return drawn
        if rows % self.batch_size:
            raise ValueError(
                f'{rows} rows are not those of {self.batch_size} sequences, so that ranks cannot tell whose '
                'draws are whose; draw for whole sequences, or for each rank alone (global_draws=False)'
            )
        # (N, W, rows of a sequence, ...): sequence i of rank r is number i * W + r.
        by_rank = drawn.reshape(self.batch_size, self.world_size, -1, *drawn.shape[1:])
        return by_rank[:, self.rank].flatten(0, 1)


def sample_rows(
    sample: Callable[[Tensor], dict[str, Tensor]], x: Tensor, generator: Generator | None
) -> dict[str, Tensor]:
    """What `sample` draws for x with a generator; of a global batch, the rows that belong to x.

    Args:
        sample: Draws with the same generator; looks at the shape, dtype and device of its tensor only.
        x: (R, ...).
        generator: A `GlobalBatchGenerator`, or any other, or None.
    """
    if not isinstance(generator, GlobalBatchGenerator):
        return sample(x)
    drawn = sample(generator.stand_in(x))
    return {name: generator.own(value, len(x)) for name, value in drawn.items()}
