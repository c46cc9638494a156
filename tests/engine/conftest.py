from __future__ import annotations

from pathlib import Path

import pytest

from tests.engine.toys import ToyDataset, toy_learner


@pytest.fixture
def dataset() -> ToyDataset:
    return ToyDataset()


@pytest.fixture
def model():
    return toy_learner()


@pytest.fixture
def work_dir(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """A folder whose name no other test has, since MMEngine keeps its loggers by experiment name."""
    folder = tmp_path / request.node.name
    folder.mkdir()
    return folder
