"""Small archives and raw files made on the spot."""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from skelreg.datasets.archive import SkeletonArchive
from skelreg.datasets.archive_writer import ArchiveWriter

from .samples import META, random_frames


@pytest.fixture
def archive_path(tmp_path: Path) -> Path:
    """Twelve sequences, 1 to 12 frames, four of each view; number 8 (view 3) is a copy of number 1."""
    with ArchiveWriter(tmp_path / 'archive', META, max_bodies=1) as writer:
        for i in range(12):
            frames = random_frames(2) if i == 8 else random_frames(i + 1)
            view = i // 4 + 1
            writer.add(f's{i:02d}', i % 10, frames, dict(subject=i % 4 + 7, camera=view, view=view, setup=1))
    return tmp_path / 'archive'


@pytest.fixture
def archive(archive_path: Path) -> SkeletonArchive:
    return SkeletonArchive.open(archive_path)


@pytest.fixture
def raw_file(tmp_path: Path) -> Callable[..., Path]:
    """Writes one N-UCLA file; keywords replace its fields, `text` all of it."""

    def write(name: str = 'a01_s01_e00_v01', text: str | None = None, **fields: Any) -> Path:
        folder = tmp_path / 'raw'
        folder.mkdir(exist_ok=True)
        skeletons = random_frames(3, seed=zlib.crc32(name.encode()))[:, 0].astype(float).tolist()
        content = {'file_name': name, 'label': int(name[1:3]), 'skeletons': skeletons, **fields}
        (folder / f'{name}.json').write_text(json.dumps(content) if text is None else text)
        return folder

    return write
