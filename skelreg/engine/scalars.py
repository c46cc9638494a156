"""Numbers of a run, one JSON line each time some are logged."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..durable import unwritable_is_data_error
from .files import write_text


class ScalarLog:
    """An append-only file that a resumed run cuts back to where it resumes.

    A line holds `mode` ('train', 'val', 'test'), `epoch` (from 1), `iter` (iterations done) and the
    numbers by name; a number that is not finite is written as null.

    Args:
        path: The file, `scalars.jsonl` in the work dir as a rule.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)

    def append(self, mode: str, epoch: int, iteration: int, values: Mapping[str, float]) -> None:
        """Add a line.

        Raises:
            DataError: If it cannot be written or the disk is full.
        """
        finite = {name: value if math.isfinite(value) else None for name, value in values.items()}
        line = json.dumps({'mode': mode, 'epoch': epoch, 'iter': iteration, **finite})
        with unwritable_is_data_error(self.path):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with open(self.path, 'a', encoding='utf-8') as file:
                file.write(f'{line}\n')

    def cut(self, iteration: int) -> None:
        """Drop all lines beyond an iteration, and a last line that a kill left unfinished."""
        if self.path.exists():
            kept = [json.dumps(line) + '\n' for line in self.read() if line['iter'] <= iteration]
            write_text(self.path, ''.join(kept) if iteration > 0 else '')

    def read(self) -> list[dict[str, Any]]:
        """All whole lines."""
        lines = []
        for text in self.path.read_text(encoding='utf-8').splitlines():
            try:
                lines.append(json.loads(text))
            except ValueError:
                continue
        return lines
