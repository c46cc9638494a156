"""Writing files so that neither a crash nor a full disk leaves something half-written that looks whole."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .errors import DataError


@contextmanager
def full_disk_is_data_error(path: Path) -> Iterator[None]:
    """Turn a full disk or an exhausted quota into a sentence that says where."""
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise DataError(
            'the disk is full',
            got=error.strerror,
            where=str(path.parent),
            fix='free some space or write elsewhere, then run the same command again',
        ) from error


def sync_folder(path: Path) -> None:
    """Make renames inside a folder survive a power cut."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_durably(path: Path, content: bytes) -> None:
    """Write a file whose content survives a power cut once this returns."""
    with open(path, 'wb') as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def replace_file(path: Path, content: bytes) -> None:
    """Write a file beside its final name, flush it to the disk, and rename it; folders are made as needed.

    Raises:
        DataError: If the disk is full; a file that stood there before is untouched.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f'.{path.name}.{os.getpid()}')
    try:
        with full_disk_is_data_error(path):
            write_durably(part, content)
            part.replace(path)
            sync_folder(path.parent)
    finally:
        part.unlink(missing_ok=True)
