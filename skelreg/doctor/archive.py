"""The numbers in an archive: damaged, dead, unbalanced, or on both sides of a split."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..datasets.archive import SkeletonArchive
from ..datasets.cards import DatasetCard, card_names, load_card
from ..datasets.counts import differences, summarise
from ..errors import some
from .finding import Report

#: Times the rarest class from which on the commonest is worth a note.
IMBALANCE = 10


def examine_archive(path: str | Path, card: DatasetCard | None = None) -> Report:
    """Read all of an archive.

    Args:
        path: Its folder.
        card: The dataset; by default the card of the name that the archive gives.
    """
    report = Report()
    with report.guarded():
        archive = SkeletonArchive.open(path)
        report.fine(
            f'{len(archive):,} sequences, {len(archive.frames):,} frames, layout {archive.layout.name} '
            f'({archive.layout.num_joints} joints), {archive.num_classes} classes'
        )
        archive.verify()
        report.fine('every sequence is what the index says')
        check_numbers(report, archive)
        check_classes(report, archive)
        dataset = str(archive.meta.get('dataset'))
        if card is None and dataset in card_names():
            card = load_card(dataset)
        if card is None:
            report.note(f"splits were not looked at: dataset '{dataset}' has no card", 'name it with --card')
        else:
            check_splits(report, archive, card)
    return report


def check_numbers(report: Report, archive: SkeletonArchive) -> None:
    """Numbers that are not finite, inputs that never change, sequences in which nothing moves."""
    v, c = archive.frames.shape[2:]
    low, high = np.full((v, c), np.inf), np.full((v, c), -np.inf)
    infinite: list[str] = []
    still: list[str] = []
    for row, name in enumerate(archive.index['name'].tolist()):
        frames = archive.sequence(row)
        if not np.isfinite(frames).all():
            infinite.append(name)
            continue
        bodies = frames[:, frames.any(axis=(0, 2, 3))]  # (T, present M, V, C)
        low, high = (
            np.minimum(low, bodies.min(axis=(0, 1), initial=np.inf)),
            np.maximum(high, bodies.max(axis=(0, 1), initial=-np.inf)),
        )
        if len(frames) > 1 and not (frames[1:] != frames[:-1]).any():
            still.append(name)
    if infinite:
        report.wrong(f'numbers that are not finite in {some(infinite)}', 'prepare the archive again')
    else:
        report.fine('all numbers are finite')
    _check_constant(report, archive, low == high)
    if still:
        report.note(f'nothing moves in {some(still)}', 'look at them; the motion stream of these is zero')
    short = archive.index['name'][archive.index['length'] == 1].tolist()
    if short:
        report.note(f'a single frame in {some(short)}')


def _check_constant(report: Report, archive: SkeletonArchive, constant: NDArray[np.bool_]) -> None:
    joints, mend = archive.layout.joints, 'check the reader, and the order of joints in the raw files'
    for channel, name in enumerate(archive.channels):
        if constant[:, channel].all():
            report.wrong(f'channel {name} is one number throughout', mend)
    dead = [joints[joint] for joint in np.flatnonzero(constant.all(axis=1))]
    if len(dead) == len(joints):
        return
    if dead:
        report.wrong(f'joints that never move: {", ".join(dead)}', mend)
    else:
        report.fine('every joint and channel varies')


def check_classes(report: Report, archive: SkeletonArchive) -> None:
    """Classes without a sequence, and classes much larger than others."""
    labels = archive.index['label']
    counts = np.bincount(labels[labels >= 0], minlength=archive.num_classes)
    unknown = int((labels < 0).sum())
    if unknown:
        report.note(f'{unknown:,} of {len(labels):,} sequences have no label')
    empty = [str(label) for label in np.flatnonzero(counts == 0)]
    if empty:
        report.wrong(
            f'no sequence of class {some(empty)} (counted from 0)', 'mend num_classes, or find the files'
        )
    elif counts.max() > IMBALANCE * counts.min():
        most, least = counts.argmax(), counts.argmin()
        report.note(
            f'class {most} has {counts[most]:,} sequences, class {least} {counts[least]:,}',
            'look at the mean class accuracy beside top-1',
        )
    else:
        report.fine(f'{counts.min():,} to {counts.max():,} sequences a class')


def check_splits(report: Report, archive: SkeletonArchive, card: DatasetCard) -> None:
    """Counts against the card's, empty subsets, and twins across a split."""
    summary = summarise(archive, card)
    for line in differences(summary, card.expected):
        report.wrong(f'not as the card expects: {line}', f'compare the raw files with: {card.files}')
    for split in card.splits:
        counts = summary[split]
        for subset in ('train', 'test'):
            if not counts[subset]:
                report.wrong(f'split {split}: no sequence in {subset}', "mend the split's rule in the card")
        if counts['twins']:
            report.note(
                f'split {split}: {counts["twins"]:,} test sequences are bit-identical to a training sequence',
                'leave them out of training with a without_twins_of rule, or say so with the result',
            )
        else:
            report.fine(f'split {split}: {counts["train"]:,} train, {counts["test"]:,} test, no twins')
    digests = archive.index['digest']
    if copies := len(digests) - len(np.unique(digests)):
        report.note(f'{copies:,} sequences are copies of another one')
