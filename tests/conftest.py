"""What tests of all parts share."""

from __future__ import annotations

import os
import random
from pathlib import Path

import numpy as np
import pytest
import torch

ROOT = Path(__file__).parents[1]


@pytest.fixture(autouse=True)
def same_draws() -> None:
    """A test that draws without a seed of its own draws the same every time, and alone as in company."""
    random.seed(0), np.random.seed(0), torch.manual_seed(0)


@pytest.fixture(scope='session')
def real_data() -> Path:
    """Folder with recorded data; tests that need it are skipped without it."""
    folder = Path(os.environ.get('SKELREG_DATA', ROOT.parent / 'shared' / 'data'))
    if not folder.is_dir():
        pytest.skip(f'no recorded data in {folder}; set SKELREG_DATA to its folder')
    return folder
