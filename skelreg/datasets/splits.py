"""Splits are rules over the columns of an archive's index, never copies."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import ConfigError, DataError, closest

WITHOUT_TWINS, NOT = 'without_twins_of', 'not'


def matches(index: Mapping[str, NDArray[Any]], rule: Mapping[str, Any]) -> NDArray[np.bool_]:
    """(S,) whether each sequence fits a rule.

    Args:
        index: Columns of an archive.
        rule: Every entry must hold: `column: [values]` asks for one of the values, `not: rule` for
            the opposite, `without_twins_of: rule` leaves out sequences that are bit-identical to
            one that fits the inner rule. An empty rule takes everything.

    Raises:
        ConfigError: If a column does not exist.
    """
    chosen = np.ones(len(index['name']), dtype=bool)
    for key, value in rule.items():
        if key == NOT:
            chosen &= ~matches(index, value)
        elif key == WITHOUT_TWINS:
            chosen &= ~np.isin(index['digest'], index['digest'][matches(index, value)])
        elif key in index:
            chosen &= np.isin(index[key], np.atleast_1d(value))
        else:
            raise ConfigError(
                f"split rule names the column '{key}', which the archive does not have",
                accepted=closest(key, [*index, NOT, WITHOUT_TWINS]),
            )
    return chosen


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
