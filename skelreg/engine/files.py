"""Small files that are whole or absent, never half-written."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from ..durable import replace_file


def write_json(path: Path, value: Any) -> None:
    """Write JSON as `write_text` writes text.

    Raises:
        ValueError: If the value holds nan or infinity, which JSON does not know.
        DataError: If it cannot be written or the disk is full.
    """
    write_text(path, json.dumps(value, indent=2, allow_nan=False) + '\n')


def write_text(path: Path, text: str) -> None:
    """Write text beside its final name, flush it to the disk, and rename it.

    Raises:
        DataError: If it cannot be written or the disk is full; a file that stood there before is untouched.
    """
    replace_file(path, text.encode())


def sha256(path: Path) -> str:
    """The SHA-256 of a file, in hexadecimal."""
    with open(path, 'rb') as file:
        return hashlib.file_digest(file, 'sha256').hexdigest()
