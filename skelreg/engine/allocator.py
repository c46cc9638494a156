"""What freed memory costs: the C library gives it back to the kernel, and has to ask for it again."""

from __future__ import annotations

import ctypes
import os

#: Parameters of glibc's `mallopt`.
TRIM_THRESHOLD, MMAP_THRESHOLD = -1, -3
#: In bytes: how much may lie free at the end of the heap, and the largest block that glibc takes from the
#: heap and does not map by itself. Larger ones come back from the kernel every time: with them on the heap
#: too (M_MMAP_MAX 0) it grew by a block a round where something small was kept beside a large block.
KEPT_AT_THE_END, LARGEST_FROM_HEAP = 2**31 - 1, 32 * 2**20
#: Settings of a user, which are left alone.
OF_THE_USER = ('MALLOC_TRIM_THRESHOLD_', 'MALLOC_MMAP_THRESHOLD_', 'MALLOC_TOP_PAD_', 'GLIBC_TUNABLES')


def keep_freed_memory() -> bool:
    """Keep the memory of freed tensors of up to 32 MiB in this process, for those of the next step.

    A step frees what it took, glibc returns it to the kernel, and the kernel clears every page of it when
    the next step asks again: 40 % of the time of augmented views on a CPU. The process keeps its peak
    instead, which it would reach again anyhow.

    Returns:
        Whether that could be set: not without glibc, and not over settings in the environment.
    """
    if any(name in os.environ for name in OF_THE_USER):
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):  # another C library, another system
        return False
    settings = ((MMAP_THRESHOLD, LARGEST_FROM_HEAP), (TRIM_THRESHOLD, KEPT_AT_THE_END))
    return all(mallopt(option, value) == 1 for option, value in settings)
