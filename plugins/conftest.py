"""Tests of a worked plugin run where its distribution is installed; elsewhere a line says they do not."""

from __future__ import annotations

from importlib import metadata
from pathlib import Path

import pytest

HERE = Path(__file__).parent
FOLDERS = sorted(path.parent for path in HERE.glob('*/setup.py'))


def is_installed(folder: Path) -> bool:
    try:
        metadata.version(f'skelreg-{folder.name.replace("_", "-")}')
    except metadata.PackageNotFoundError:
        return False
    return True


MISSING = [folder for folder in FOLDERS if not is_installed(folder)]


def pytest_ignore_collect(collection_path: Path) -> bool | None:
    return True if collection_path in MISSING else None


def pytest_report_header(config: pytest.Config) -> list[str]:
    return [f'not installed, its tests are left out: plugins/{folder.name}' for folder in MISSING]
