"""What was read from a golden file, what was compared with it, and the verdict in one line."""

from __future__ import annotations

import fnmatch
from collections.abc import Callable
from types import TracebackType

import numpy as np
import pytest
import torch


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
        array = self._arrays[key]
        self._touched.add(key)
        return array

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
