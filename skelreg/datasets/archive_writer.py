"""Writing a skeleton archive, sequence by sequence, all or nothing."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from ..durable import full_disk_is_data_error, sync_folder, write_durably
from ..errors import DataError
from ..graphs import get_layout
from .archive import FORMAT, FRAMES, INDEX, META, SkeletonArchive, count_bodies, digest, index_bytes


class ArchiveWriter:
    """Writes an archive beside its final name and renames it when whole.

    Args:
        path: The archive's folder; must not exist.
        meta: As for `SkeletonArchive`.
        max_bodies: M; shorter body axes are filled with zeros.

    Usage: `with ArchiveWriter(...) as writer: writer.add(...)`. An exception inside the block, or a
    full disk, leaves nothing behind.
    """

    def __init__(self, path: str | Path, meta: Mapping[str, Any], max_bodies: int) -> None:
        self.path = Path(path)
        layout = get_layout(meta['layout'])
        self.meta = {**meta, 'joints': list(layout.joints)}
        self._shape = (max_bodies, layout.num_joints, len(meta['channels']))
        self._partial = self.path.with_name(f'.{self.path.name}.partial')
        self._rows: list[dict[str, Any]] = []
        self._num_frames = 0
        self._file: BinaryIO

    def __enter__(self) -> ArchiveWriter:
        if self.path.exists():
            raise DataError(
                'an archive may not be overwritten', got=self.path, fix='remove it or choose another folder'
            )
        shutil.rmtree(self._partial, ignore_errors=True)
        with full_disk_is_data_error(self._partial):
            self._partial.mkdir(parents=True)
            self._file = open(self._partial / FRAMES, 'wb')
            self._write_header()
        return self

    def add(self, name: str, label: int, frames: NDArray[np.float32], columns: Mapping[str, Any]) -> None:
        """Append one sequence, frames (T, M' <= M, V, C)."""
        if frames.ndim != 4 or frames.shape[1] > self._shape[0] or frames.shape[2:] != self._shape[1:]:
            raise DataError(
                f"sequence '{name}' does not fit the archive",
                got=f'frames {frames.shape}',
                accepted=f'(T, M <= {self._shape[0]}, {self._shape[1]}, {self._shape[2]})',
            )
        padded = np.zeros((len(frames), *self._shape), dtype=np.float32)
        padded[:, : frames.shape[1]] = frames
        with full_disk_is_data_error(self._partial):
            self._file.write(padded.tobytes())
        own = dict(
            name=name,
            label=int(label),
            offset=self._num_frames,
            length=len(frames),
            bodies=count_bodies(padded),
        )
        row = {**own, **columns, 'digest': digest(padded)}
        if self._rows and row.keys() != self._rows[0].keys():
            raise DataError(
                f"sequence '{name}' has other columns than '{self._rows[0]['name']}'",
                got=', '.join(row),
                accepted=', '.join(self._rows[0]),
            )
        self._rows.append(row)
        self._num_frames += len(frames)

    def attach(self, file_name: str, content: str) -> None:
        """Put one more text file into the archive, a report say."""
        with full_disk_is_data_error(self._partial):
            write_durably(self._partial / file_name, content.encode())

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                self._finish()
        finally:
            self._close()
            shutil.rmtree(self._partial, ignore_errors=True)

    def _finish(self) -> None:
        if not self._rows:
            raise DataError('no sequence to write', where=str(self.path))
        index = {name: np.array([row[name] for row in self._rows]) for name in self._rows[0]}
        content = index_bytes(index)
        meta = {
            **self.meta,
            'format': FORMAT,
            'counts': {'sequences': len(self._rows), 'frames': self._num_frames},
            'columns': {
                name: 'int' if column.dtype.kind in 'iu' else 'str' for name, column in index.items()
            },
            'checksums': {INDEX: hashlib.sha256(content).hexdigest()},
        }
        with full_disk_is_data_error(self._partial):
            self._file.seek(0)
            self._write_header()
            self._file.flush()
            os.fsync(self._file.fileno())
            write_durably(self._partial / INDEX, content)
            write_durably(self._partial / META, (json.dumps(meta, indent=2) + '\n').encode())
        SkeletonArchive.open(self._partial)
        os.rename(self._partial, self.path)
        sync_folder(self.path.parent)

    def _write_header(self) -> None:
        """numpy leaves room in the header for a longer first axis, so it can be written again in place."""
        header = np.lib.format.header_data_from_array_1_0(np.empty((0, *self._shape), dtype='<f4'))
        np.lib.format.write_array_header_1_0(
            self._file, {**header, 'shape': (self._num_frames, *self._shape)}
        )

    def _close(self) -> None:
        """Closing flushes, which on a full disk fails once more; the first error is the one to tell."""
        with contextlib.suppress(OSError):
            self._file.close()
