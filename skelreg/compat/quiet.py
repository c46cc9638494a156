"""Keep the terminal for what a user wants to read; the log file still gets everything."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

_NOISE = (
    'Hooks will be executed in the following order',
    'Distributed training is not used',
    'Exp name: ',
    '"FileClient" will be deprecated',
    '"HardDiskBackend" is the alias',
    'The prefix is not set in metric class',
    'paramwise_options -- ',
)
_NOISE_WITHIN = ('has no metainfo', 'is skipped since its requires_grad=False')


class TerminalFilter(logging.Filter):
    """Drops MMEngine's start-up dumps and deprecation notes."""

    def filter(self, record: logging.LogRecord) -> bool:
        """False for a line that only its authors need."""
        message = record.getMessage()
        return not message.startswith(_NOISE) and not any(part in message for part in _NOISE_WITHIN)


def quieten(logger: logging.Logger) -> None:
    """Put the filter on a logger's terminal handlers, once."""
    for handler in logger.handlers:
        if not isinstance(handler, logging.FileHandler) and not _is_filtered(handler):
            handler.addFilter(TerminalFilter())


def _is_filtered(handler: logging.Handler) -> bool:
    return any(isinstance(each, TerminalFilter) for each in handler.filters)


@contextmanager
def no_thread_warnings() -> Iterator[None]:
    """Hide the notes that MMEngine has set OMP_NUM_THREADS, MKL_NUM_THREADS and the start method."""
    with warnings.catch_warnings():
        warnings.filterwarnings('ignore', message='Setting (OMP|MKL)_NUM_THREADS')
        warnings.filterwarnings('ignore', message='Multi-processing start method')
        yield


@contextmanager
def no_deprecated_ddp_argument() -> Iterator[None]:
    """MMEngine's wrapper passes `broadcast_buffers` on, which torch 2.13 announces to rename."""
    with warnings.catch_warnings():
        warnings.filterwarnings('ignore', message='`broadcast_buffers` is deprecated', category=FutureWarning)
        yield
