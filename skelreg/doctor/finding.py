"""What an examination finds."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

from ..errors import SkelregError

Level = Literal['fine', 'note', 'wrong']


@dataclass(frozen=True)
class Finding:
    """One line of a report.

    Attributes:
        level: 'wrong' will fail or spoil results, 'note' may be meant, 'fine' was looked at.
        what: What was found.
        mend: What to do about it, in the imperative; '' where there is nothing to do.
    """

    level: Level
    what: str
    mend: str = ''


class Report:
    """Findings in the order in which they were made."""

    def __init__(self) -> None:
        self.findings: list[Finding] = []

    def fine(self, what: str) -> None:
        """Something that was looked at."""
        self.findings.append(Finding('fine', what))

    def note(self, what: str, mend: str = '') -> None:
        """Something that may be meant."""
        self.findings.append(Finding('note', what, mend))

    def wrong(self, what: str, mend: str = '') -> None:
        """Something that fails or spoils results."""
        self.findings.append(Finding('wrong', what, mend))

    @contextmanager
    def guarded(self) -> Iterator[None]:
        """Turn an error of skelreg's into a finding; what follows inside the block is left out."""
        try:
            yield
        except SkelregError as error:
            details = [f'{name}: {value}' for name in ('got', 'accepted') if (value := getattr(error, name))]
            place = '' if error.where is None else f' ({error.where})'
            self.wrong('; '.join([f'{error.what}{place}', *details]), error.fix or '')

    @property
    def is_healthy(self) -> bool:
        """Whether nothing is wrong; notes do not count."""
        return all(finding.level != 'wrong' for finding in self.findings)
