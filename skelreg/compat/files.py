"""Reading and writing checkpoint files: nothing in a file is ever executed, no file is half-written."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, BinaryIO

import torch
from torch.serialization import get_unsafe_globals_in_checkpoint

from ..durable import whole_file
from ..errors import CheckpointError
from .plain import plain

_ZIP_MAGIC = b'PK\x03\x04'


def load_file(path: str | Path) -> dict[str, Any]:
    """Read a checkpoint onto the CPU without executing anything that stands in it.

    Every record's checksum is verified first, which torch does not do.

    Raises:
        CheckpointError: If the file is missing, damaged, no checkpoint, or needs code to be run;
            then the functions and classes that it names are listed.
    """
    path = Path(path)
    if not path.is_file():
        raise CheckpointError('no such checkpoint', got=str(path), fix='check the path')
    try:
        if zipfile.is_zipfile(path):
            _verify_records(path)
            _refuse_code(path, get_unsafe_globals_in_checkpoint(path))
        content = torch.load(path, map_location='cpu', weights_only=True)
    except CheckpointError:
        raise
    except Exception as error:  # damaged bytes make torch's reader raise anything, IndexError say
        raise _explain(path, error) from error
    if not isinstance(content, Mapping):
        raise CheckpointError(
            'this file is no checkpoint', got=type(content).__name__, accepted='a dict of tensors',
            where=str(path),
        )
    return dict(content)


def _verify_records(path: Path) -> None:
    with zipfile.ZipFile(path) as archive:
        broken = archive.testzip()
    if broken is not None:
        raise _damaged(path, f'checksum of {broken} does not match')


def _refuse_code(path: Path, names: list[str]) -> None:
    if names:
        raise CheckpointError(
            'this checkpoint carries code and was not loaded', got=', '.join(sorted(names)),
            accepted='tensors, numbers, strings, lists and dicts', where=str(path),
            fix='if you trust its author, save its state_dict alone with the program that wrote it; '
                'tools/convert_checkpoint.py reads the layouts that it lists',
        )


def _damaged(path: Path, reason: str) -> CheckpointError:
    return CheckpointError(
        'the checkpoint is damaged or truncated', got=reason, where=str(path),
        fix='copy it again or take an earlier one; --resume falls back to the newest whole one by itself',
    )


def _explain(path: Path, error: Exception) -> CheckpointError:
    """Tell code, damage and a foreign file apart."""
    text = str(error)
    named = re.findall(r'GLOBAL ([\w.]+)', text)
    if named:
        _refuse_code(path, named)
    with open(path, 'rb') as file:
        start = file.read(4)
    if not start:
        return _damaged(path, 'the file is empty')
    reason = text.strip().splitlines()[0] if text.strip() else type(error).__name__
    if start == _ZIP_MAGIC or isinstance(error, EOFError):
        return _damaged(path, reason)
    return CheckpointError(
        'this file is no checkpoint, or a damaged one', got=reason, accepted='a file that torch.save wrote',
        where=str(path),
    )


def save_file(content: Mapping[str, Any], path: str | Path) -> None:
    """Write a checkpoint so that its name never stands for half a file.

    It is written beside its final name, flushed to the disk and renamed; a previous file of that
    name stays as it was until the new one is whole.

    Raises:
        CheckpointError: If the disk is full or not writable, or `content` is not plain data.
    """
    path = Path(path)
    whole = plain(content)
    _write_durably(path, lambda file: torch.save(whole, file))


def save_text(text: str, path: str | Path) -> None:
    """Write a small text file as durably as `save_file` writes a checkpoint."""
    _write_durably(Path(path), lambda file: file.write(text.encode()))


def _write_durably(path: Path, write: Callable[[BinaryIO], object]) -> None:
    try:
        with whole_file(path) as file:
            write(file)
    except (OSError, RuntimeError) as error:
        # torch reports a failed write as a RuntimeError raised while the OSError was handled
        reason = error if isinstance(error, OSError) else error.__context__ or error
        raise CheckpointError(
            'the checkpoint could not be written; a previous one is untouched', got=str(reason),
            where=str(path), fix='free some space or choose another --work-dir, then continue with --resume',
        ) from error
