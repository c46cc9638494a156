"""Counts of an archive, by split, held against what its card expects."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .archive import SkeletonArchive
from .cards import DatasetCard
from .splits import count_twins, matches

#: Columns in which readers count what is odd in a sequence but no error, and what it is.
ODDITIES = {
    'empty_frames': 'frames without a body',
    'crowded_frames': 'frames with more bodies than are kept',
    'missing_frames': 'labelled frames that the recording does not have',
}


def summarise(archive: SkeletonArchive, card: DatasetCard) -> dict[str, Any]:
    """Counts in the form of a card's `expected`: all sequences, and each split's subsets and twins."""
    index = archive.index
    summary: dict[str, Any] = {'sequences': len(archive)}
    for split, subsets in card.splits.items():
        summary[split] = {subset: int(matches(index, rule).sum()) for subset, rule in subsets.items()}
        summary[split]['twins'] = count_twins(index, subsets['train'], subsets['test'])
    return summary


def differences(summary: Mapping[str, Any], expected: Mapping[str, Any]) -> list[str]:
    """One line for every count that is not as expected; counts that the card omits are not compared."""
    lines = []
    for name, count in expected.items():
        if isinstance(count, Mapping):
            lines += [f'{name} {line}' for line in differences(summary[name], count)]
        elif summary[name] != count:
            lines.append(f'{name}: {summary[name]:,} instead of {count:,}')
    return lines


def _oddities(archive: SkeletonArchive) -> list[str]:
    """One line for each column of `ODDITIES` in which a reader has counted something."""
    lines = []
    for column, words in ODDITIES.items():
        counts = archive.index.get(column)
        if counts is not None and counts.any():
            lines.append(f'{counts.sum():,} {words}, in {(counts > 0).sum():,} sequences (column {column})')
    return lines


def describe(archive: SkeletonArchive, card: DatasetCard) -> list[str]:
    """Lines for people: what the archive holds, what each split selects, and what is unexpected."""
    summary = summarise(archive, card)
    lines = [
        f'{card.title}: {len(archive):,} sequences, {len(archive.frames):,} frames, '
        f'{archive.num_classes} classes, layout {archive.layout.name}'
    ]
    for split in card.splits:
        count = summary[split]
        leak = ' (test sequences bit-identical to a training sequence)' if count['twins'] else ''
        lines.append(
            f'  split {split}: {count["train"]:,} train, {count["test"]:,} test, '
            f'{count["twins"]:,} twins across the split{leak}'
        )
    lines += [f'  {line}' for line in _oddities(archive)]
    unexpected = differences(summary, card.expected)
    lines += [f'  not as expected: {line}' for line in unexpected]
    if not unexpected:
        lines.append(f'  {"all counts are as expected" if card.expected else "no counts to compare with"}')
    return lines
