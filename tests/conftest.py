"""What tests of all parts share."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope='session')
def real_data() -> Path:
    """Folder with recorded data; tests that need it are skipped without it."""
    folder = Path(os.environ.get('SKELREG_DATA', ROOT.parent / 'shared' / 'data'))
    if not folder.is_dir():
        pytest.skip(f'no recorded data in {folder}; set SKELREG_DATA to its folder')
    return folder
