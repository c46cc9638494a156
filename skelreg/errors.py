"""What a user can get wrong. Every error says what, got, accepted, where and how to mend it."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Any


class SkelregError(Exception):
    """A mistake that the user can mend; tools print it without a traceback.

    Args:
        what: One clause that says what is wrong.
        got: The offending value.
        accepted: What would have been accepted.
        where: The place: a config path, a file with its line, a component.
        fix: What to do next, in the imperative.
    """

    def __init__(
        self,
        what: str,
        *,
        got: Any = None,
        accepted: Any = None,
        where: str | None = None,
        fix: str | None = None,
    ) -> None:
        self.what, self.got, self.accepted, self.where, self.fix = what, got, accepted, where, fix
        super().__init__(str(self))

    def __str__(self) -> str:
        lines = [self.what if self.where is None else f'{self.what} ({self.where})']
        for name in ('got', 'accepted', 'fix'):
            value = getattr(self, name)
            if value is not None:
                lines.append(f'  {name}: {value}')
        return '\n'.join(lines)

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (type(self), self.what, self.got, self.accepted, self.where, self.fix)


def _rebuild(
    cls: type[SkelregError], what: str, got: Any, accepted: Any, where: str | None, fix: str | None
) -> SkelregError:
    """Unpickle an error that crossed a process border (worker, pool)."""
    return cls(what, got=got, accepted=accepted, where=where, fix=fix)


class ConfigError(SkelregError, ValueError):
    """A config asks for something that does not exist or does not fit together."""


class PluginError(SkelregError, RuntimeError):
    """A third-party distribution could not be loaded or breaks the extension API."""


class DataError(SkelregError, ValueError):
    """A raw file, an archive or a dataset is missing, malformed or contradicts itself."""


class CheckpointError(SkelregError, RuntimeError):
    """A checkpoint is missing, damaged, unsafe or belongs to another model."""


def some(names: Iterable[str], most: int = 6) -> str:
    """The first names and how many more there are: 'a, b and 3 more', or 'none'."""
    names = list(names)
    more = f' and {len(names) - most} more' if len(names) > most else ''
    return f'{", ".join(names[:most])}{more}' or 'none'


def closest(name: object, known: Iterable[object]) -> str:
    """'Closest: a, b. Known: a, b, c.' for a name that was not found among ``known``.

    A YAML file or a command line can make a number of a name; it is taken as it reads.
    """
    names = sorted(map(str, known))
    lowered = {n.lower(): n for n in reversed(names)}
    near = [lowered[n] for n in difflib.get_close_matches(str(name).lower(), lowered, n=3, cutoff=0.5)]
    hint = f'Closest: {", ".join(near)}. ' if near else ''
    return f'{hint}Known: {", ".join(names) or "none"}.'
