"""Access to the golden files and one line a file that says how our numbers compare with theirs."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.golden.report import GoldenReport

FOLDER = 'SKELREG_GOLDEN'
LINE = 'golden line'


@pytest.fixture(scope='session')
def golden_folder() -> Path:
    """The folder that SKELREG_GOLDEN names."""
    named = os.environ.get(FOLDER)
    if not named:
        pytest.skip(f'{FOLDER} is not set; it names the folder of golden .npz files')
    folder = Path(named)
    if not folder.is_dir():
        pytest.fail(f'{FOLDER} names no folder: {folder}', pytrace=False)
    return folder


@pytest.fixture
def golden(golden_folder: Path, request: pytest.FixtureRequest) -> Callable[[str], GoldenReport]:
    """Open one golden file by its stem: `with golden('graph') as report: ...`."""

    def record(line: str) -> None:
        # Properties travel with the test's report, out of a worker process as well.
        request.node.user_properties.append((LINE, line))

    def load(name: str) -> GoldenReport:
        path = golden_folder / f'{name}.npz'
        if not path.is_file():
            record(f'golden {name} FAIL 0/0 keys, largest error nan | no file {path.name} in {FOLDER}')
            pytest.fail(f'{FOLDER} has no {path.name}', pytrace=False)
        with np.load(path, allow_pickle=False) as file:
            return GoldenReport(name, dict(file), record)

    return load


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the lines after the run, where neither capturing nor progress dots can spoil them."""
    reports = [report for group in terminalreporter.stats.values() for report in group]
    for report in reports:
        if getattr(report, 'when', None) == 'call':
            for name, line in report.user_properties:
                if name == LINE:
                    terminalreporter.write_line(line)
