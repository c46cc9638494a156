"""Writing files so that neither a crash nor a full disk leaves something half-written that looks whole."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from .errors import DataError

#: What a place answers that takes no file of that name, now or later.
_REFUSALS = (
    errno.EACCES, errno.EPERM, errno.EROFS, errno.EISDIR, errno.ENOTDIR, errno.EEXIST, errno.ENAMETOOLONG
)


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


@contextmanager
def unwritable_is_data_error(path: Path) -> Iterator[None]:
    """Turn a place that takes no file into a sentence that says where, and a full disk as well."""
    try:
        with full_disk_is_data_error(path):
            yield
    except OSError as error:
        if error.errno not in _REFUSALS:
            raise
        raise _cannot_be_written(path, error.strerror) from error


def check_writable(path: Path) -> None:
    """Refuse a file that cannot be written, before the work whose result it is to hold; it makes nothing.

    Raises:
        DataError: If the path is a folder, or its folder is none, cannot be made, or may not be written.
    """
    if os.path.isdir(path):
        raise _cannot_be_written(path, 'it is a folder')
    folder = next(parent for parent in path.absolute().parents if os.path.exists(parent))
    if not os.path.isdir(folder):
        raise _cannot_be_written(path, f'{folder} is no folder')
    if not os.access(folder, os.W_OK | os.X_OK):
        raise _cannot_be_written(path, f'no file may be made in {folder}')


def _cannot_be_written(path: Path, reason: str | None) -> DataError:
    return DataError(
        'the file cannot be written', got=reason, where=str(path),
        fix='name a file in a folder that you may write to',
    )


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


@contextmanager
def whole_file(path: Path) -> Iterator[BinaryIO]:
    """A file to be written in the block, beside its final name; then flushed to the disk and renamed.

    Where the block or the disk fails, a file that stood there before is untouched.
    """
    part = path.with_name(f'.{path.name}.{os.getpid()}')
    try:
        with open(part, 'wb') as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
        sync_folder(path.parent)
    finally:
        part.unlink(missing_ok=True)


def replace_file(path: Path, content: bytes) -> None:
    """Write a file so that its name never stands for half of it; folders are made as needed.

    Raises:
        DataError: If it cannot be written or the disk is full; a file that stood there before is untouched.
    """
    with unwritable_is_data_error(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        with whole_file(path) as file:
            file.write(content)
