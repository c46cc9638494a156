"""Calm lines for whoever watches: plain text on standard output, from the main process only."""

from __future__ import annotations

import sys
import time

from mmengine.dist import is_main_process


def say(text: str) -> None:
    """Write one line to standard output and flush it."""
    if is_main_process():
        sys.stdout.write(f'{text}\n')
        sys.stdout.flush()


class Heartbeat:
    """Tells when work that prints nothing has run for another `seconds`.

    Args:
        seconds: The pause between two beats.
    """

    def __init__(self, seconds: float = 30.0) -> None:
        self._seconds = seconds
        self._last = time.monotonic()

    def due(self) -> bool:
        """True once per `seconds`."""
        now = time.monotonic()
        if now - self._last < self._seconds:
            return False
        self._last = now
        return True


def duration(seconds: float) -> str:
    """A length of time to read at a glance: '0.42s', '12.3s', '3m07s', '2h05m'."""
    if seconds < 9.995:
        return f'{seconds:.2f}s'
    if seconds < 59.95:
        return f'{seconds:.1f}s'
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f'{minutes}m{rest:02d}s'
    return f'{minutes // 60}h{minutes % 60:02d}m'
