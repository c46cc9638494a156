"""Lines of whitespace-separated numbers, cut up without a Python step per line."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ...errors import DataError

_NEWLINE, _SPACE, _FIRST_CONTROL, _NUM_CONTROL = 10, 32, 9, 5
_LONGEST_INTEGER = 20


class TokenLines:
    """The lines of a text that are not blank, and where their tokens lie.

    Args:
        content: The text; lines end in LF or CRLF.
        where: Name of the file, for messages.

    Attributes:
        counts: (L,) tokens of each line.
    """

    def __init__(self, content: bytes, where: str) -> None:
        self.content, self.where = content, where
        characters = np.frombuffer(content, dtype=np.uint8)
        # The white space of bytes.split: blank, and tab to carriage return; the subtraction wraps around.
        is_space = (characters == _SPACE) | (characters - np.uint8(_FIRST_CONTROL) < _NUM_CONTROL)
        is_start = ~is_space
        is_start[1:] &= is_space[:-1]
        starts = np.flatnonzero(is_start)
        line_ends = np.append(np.flatnonzero(characters == _NEWLINE), len(content))
        ends = np.searchsorted(starts, line_ends)  # (lines,) tokens up to the end of each line
        counts = np.diff(ends, prepend=0)
        self._lines = np.flatnonzero(counts)
        self.counts = counts[self._lines]
        self._first = ends[self._lines] - self.counts
        self._starts = np.append(starts, len(content))

    def __len__(self) -> int:
        return len(self.counts)

    def place(self, line: int) -> str:
        """File and line number, counted from 1, for messages."""
        return f'{self.where}, line {self._lines[line] + 1}'

    def token(self, line: int, field: int = 0) -> bytes:
        """One token of a line."""
        i = self._first.item(line) + field
        return self.content[self._starts.item(i) : self._starts.item(i + 1)].rstrip()

    def integer(self, line: int, what: str) -> int:
        """The first token of a line as a number >= 0.

        Args:
            line: Index among the lines that are not blank.
            what: What it counts, for messages.

        Raises:
            DataError: If it is no such number.
        """
        token = self.token(line)
        if not token.isdigit() or len(token) > _LONGEST_INTEGER:
            raise DataError(
                f'{what} is no number',
                got=repr(token[:40]),
                accepted='a number without sign or decimals',
                where=self.place(line),
            )
        return int(token)

    def floats(self, lines: NDArray[np.int64], width: int, names: tuple[str, ...]) -> NDArray[np.float32]:
        """(len(lines), width) the first tokens of some lines, each of which has at least `width`.

        Args:
            lines: Indices among the lines that are not blank.
            width: How many tokens of a line.
            names: Of the columns, for messages; repeated as often as needed.

        Raises:
            DataError: If a token is no number, or not finite in single precision.
        """
        first = self._first[lines]
        spans = zip(self._starts[first].tolist(), self._starts[first + width].tolist(), strict=True)
        text = b' '.join([self.content[start:end] for start, end in spans])
        try:
            if b'_' in text:  # which Python would read as a separator of thousands
                raise ValueError
            values = np.array(list(map(float, text.split())), dtype=np.float64)
        except ValueError:
            values = np.array([_number(token) for token in text.split()], dtype=np.float64)
        with np.errstate(over='ignore'):  # what single precision cannot hold becomes infinite
            table = values.astype(np.float32).reshape(len(lines), width)
        if not np.isfinite(table).all():
            row, field = np.argwhere(~np.isfinite(table))[0]
            line = int(lines[row])
            raise DataError(
                'a coordinate is no finite number',
                got=repr(self.token(line, field)[:40]),
                accepted='a finite number',
                where=f'{self.place(line)}, field {field + 1} ({names[field % len(names)]})',
            )
        return table


def _number(token: bytes) -> float:
    """NaN for what is no number, so that it is refused and named like other NaNs."""
    try:
        return float('nan') if b'_' in token else float(token)
    except ValueError:
        return float('nan')
