"""Access to the golden files and one line a file that says how our numbers compare with theirs."""

from __future__ import annotations

import fnmatch
import os
from collections.abc import Callable
from pathlib import Path
from types import TracebackType

import numpy as np
import pytest
import torch

FOLDER = 'SKELREG_GOLDEN'
LINE = 'golden line'


class GoldenReport:
    """One golden file: what was read from it, what was compared with it, and the verdict.

    Used as a context; on leaving, the line is recorded, and the test fails if a comparison failed
    or if a key was neither read, nor compared, nor left out by name.

    Args:
        name: Stem of the file.
        arrays: Key -> array.
        record: Takes the finished line.
    """

    def __init__(self, name: str, arrays: dict[str, np.ndarray], record: Callable[[str], None]) -> None:
        self.name = name
        self._arrays = arrays
        self._record = record
        self._touched: set[str] = set()
        self._outside: dict[str, str] = {}
        self._failures: list[str] = []
        self._largest = 0.0

    @property
    def keys(self) -> list[str]:
        """All keys of the file; asking for them does not count as reading them."""
        return list(self._arrays)

    def __contains__(self, key: str) -> bool:
        return key in self._arrays

    def read(self, key: str) -> np.ndarray:
        """An array that the test consumes: an input, a weight, a setting, a recorded draw."""
        self._touched.add(key)
        return self._arrays[key]

    def tensor(self, key: str) -> torch.Tensor:
        """As `read`, as a tensor; floating-point arrays come as float32, stored in half precision or not."""
        array = torch.from_numpy(np.array(self.read(key)))
        return array.float() if array.is_floating_point() else array

    def under(self, prefix: str) -> dict[str, torch.Tensor]:
        """All tensors below a prefix, by the rest of their key: `under('state/')` is a state dict."""
        return {key.removeprefix(prefix): self.tensor(key) for key in self.keys if key.startswith(prefix)}

    def stems(self, prefix: str) -> list[str]:
        """The rest of every key below a prefix."""
        return [key.removeprefix(prefix) for key in self.keys if key.startswith(prefix)]

    def leave_out(self, pattern: str, reason: str) -> None:
        """Name keys (fnmatch) that this comparison does not cover; the line says so."""
        self._outside[pattern] = reason

    def compare(
        self, key: str, actual: object, *, rtol: float = 0.0, atol: float = 1e-6, label: str | None = None
    ) -> None:
        """Compare our value with the stored one: |actual - expected| <= atol + rtol * |expected|."""
        expected = np.asarray(self.read(key), dtype=np.float64)
        if isinstance(actual, torch.Tensor):
            actual = actual.detach().cpu().numpy()
        ours = np.asarray(actual, dtype=np.float64)
        name = label or key
        if ours.shape != expected.shape:
            self._failures.append(f'{name}: shape {ours.shape}, expected {expected.shape}')
            return
        with np.errstate(invalid='ignore'):
            error = np.where(ours == expected, 0.0, np.abs(ours - expected))
        largest = float(error.max(initial=0.0))
        self._largest = float('nan') if np.isnan(largest) else max(self._largest, largest)
        scale = np.where(np.isfinite(expected), np.abs(expected), 0.0)
        if not np.all(error <= atol + rtol * scale):
            allowed = f'{atol:g} + {rtol:g} |expected|'
            self._failures.append(f'{name}: largest error {largest:.3g}, allowed {allowed}')

    def __enter__(self) -> GoldenReport:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        outside = {
            key for key in self.keys if any(fnmatch.fnmatchcase(key, pattern) for pattern in self._outside)
        } - self._touched
        inside = [key for key in self.keys if key not in outside]
        missed = [key for key in inside if key not in self._touched]
        failures = list(self._failures)
        if missed:
            failures.append(f'{len(missed)} keys neither read nor compared: {", ".join(missed[:5])}')
        if error is not None:
            failures.append(f'{type(error).__name__}: {error}'.splitlines()[0])
        verdict = 'FAIL' if failures else 'ok'
        line = (
            f'golden {self.name} {verdict} {len(inside) - len(missed)}/{len(inside)} keys, '
            f'largest error {self._largest:.2g}'
        )
        if outside:
            notes = '; '.join(f'{pattern} ({reason})' for pattern, reason in self._outside.items())
            line += f', {len(outside)} keys outside: {notes}'
        if failures:
            line += f' | {failures[0]}' + (f' (and {len(failures) - 1} more)' if len(failures) > 1 else '')
        self._record(line)
        if failures and error is None:
            pytest.fail('\n'.join([line, *failures]), pytrace=False)


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
