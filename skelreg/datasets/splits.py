"""Splits are rules over the columns of an archive's index, never copies."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import ConfigError, DataError, closest

WITHOUT_TWINS, NOT = 'without_twins_of', 'not'

#: What the columns of an archive hold, by numpy's letter for it, and how a rule writes it.
_KINDS = {'i': 'whole numbers', 'u': 'whole numbers', 'U': 'texts'}
_ACCEPTED = {
    'whole numbers': 'whole numbers without quotes; YAML reads 08 and 09 as texts, 8 and 9 as numbers',
    'texts': "texts; YAML needs quotes around numbers and around yes, no, on, off: '7', 'no'",
}


def matches(index: Mapping[str, NDArray[Any]], rule: Mapping[str, Any]) -> NDArray[np.bool_]:
    """(S,) whether each sequence fits a rule.

    Args:
        index: Columns of an archive.
        rule: Every entry must hold: `column: [values]` asks for one of the values, `not: rule` for
            the opposite, `without_twins_of: rule` leaves out sequences that are bit-identical to
            one that fits the inner rule. An empty rule takes everything.

    Raises:
        ConfigError: If a column does not exist, or holds something else than the values of its entry.
    """
    chosen = np.ones(len(index['name']), dtype=bool)
    for key, value in rule.items():
        if key == NOT:
            chosen &= ~matches(index, value)
        elif key == WITHOUT_TWINS:
            chosen &= ~np.isin(index['digest'], index['digest'][matches(index, value)])
        elif key in index:
            chosen &= _is_one_of(index[key], key, value)
        else:
            raise ConfigError(
                f"split rule names the column '{key}', which the archive does not have",
                accepted=closest(key, [*index, NOT, WITHOUT_TWINS]),
            )
    return chosen


def _is_one_of(column: NDArray[Any], name: str, value: Any) -> NDArray[np.bool_]:
    values, kind = _values(name, value)
    holds = _KINDS.get(column.dtype.kind, kind)
    if holds == kind:
        return np.isin(column, values)
    if holds == 'whole numbers' and (column == -1).all():
        return np.zeros(len(column), dtype=bool)  # nothing is known, so there is no kind to disagree with
    raise ConfigError(
        f"split rule asks the column '{name}' for {kind}, and it holds {holds}",
        got=repr(value),
        accepted=_ACCEPTED[holds],
    )


def _values(name: str, value: Any) -> tuple[list[Any], str]:
    """The values of a rule's entry, of which there may be one without a list, and their kind."""
    values = list(value) if isinstance(value, list | tuple) else [value]
    kinds = {_kind(one) for one in values}
    if len(kinds) != 1 or None in kinds:
        raise ConfigError(
            f"split rule has no values of one kind for the column '{name}'",
            got=repr(value),
            accepted='[1, 2] or [left, right]; YAML needs quotes around the texts yes, no, on, off',
        )
    return values, str(kinds.pop())


def _kind(value: Any) -> str | None:
    if isinstance(value, int | np.integer) and not isinstance(value, bool):
        return 'whole numbers'
    return 'texts' if isinstance(value, str) else None


def check_rule(rule: Any) -> None:
    """Refuse what cannot be a rule, whatever columns there are.

    Raises:
        ConfigError: If it is no mapping, or has no values where it must have some.
    """
    if not isinstance(rule, Mapping):
        raise ConfigError(
            'split rule is no mapping', got=repr(rule), accepted='{column: [values]}; {} takes every sequence'
        )
    for key, value in rule.items():
        if key in (NOT, WITHOUT_TWINS):
            check_rule(value)
        elif isinstance(key, str):
            _values(key, value)
        else:
            raise ConfigError('split rule names a column that is no text', got=repr(key))


def select(index: Mapping[str, NDArray[Any]], rule: Mapping[str, Any], where: str) -> NDArray[np.int64]:
    """Row numbers, ascending, of the sequences that fit a rule.

    Raises:
        DataError: If none does.
    """
    rows = np.flatnonzero(matches(index, rule))
    if len(rows) == 0:
        raise DataError('a subset of the split is empty', got=f'no sequence fits {dict(rule)}', where=where)
    return rows.astype(np.int64)


def count_twins(index: Mapping[str, NDArray[Any]], train: Mapping[str, Any], test: Mapping[str, Any]) -> int:
    """How many test sequences are bit-identical to a training sequence."""
    digests = index['digest']
    return int(np.isin(digests[matches(index, test)], digests[matches(index, train)]).sum())
