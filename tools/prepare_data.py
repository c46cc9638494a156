"""Turn raw skeleton files into an archive that skelreg trains on.

Reads in parallel, can be stopped at any time and run again, checks every count against the
expected one, and reports sequences that stand in both train and test of a split.
"""

from __future__ import annotations

import argparse
import os
from collections import Counter
from pathlib import Path
from typing import Any

from skelreg.cli import literal, run_tool
from skelreg.datasets.cards import card_names

#: How many of the files that were left out are named on the screen.
_NAMED = 5


def parse_arguments() -> argparse.Namespace:
    """Command line; answers --help without importing anything heavy."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('dataset', help=f'{", ".join(card_names())}, or the path of a dataset card (YAML)')
    parser.add_argument('--source', type=Path, required=True, help='folder or zip with the raw files')
    parser.add_argument('--out', type=Path, required=True, help='folder of the archive, data/nucla say')
    parser.add_argument(
        '--workers',
        type=_positive,
        default=min(os.cpu_count() or 1, 8),
        help='processes that read (default: %(default)s)',
    )
    parser.add_argument(
        '--on-error',
        choices=('stop', 'skip'),
        default='stop',
        help='a malformed file stops the run, or is skipped and reported (default: %(default)s)',
    )
    parser.add_argument(
        '--chunk-size',
        type=_positive,
        default=64,
        help='raw files per unit of work and of resuming (default: %(default)s)',
    )
    parser.add_argument(
        '--reader-option',
        type=_option,
        action='append',
        default=[],
        metavar='NAME=VALUE',
        help='an argument of the reader, bodies=energy for NTU RGB+D say; may be given several times',
    )
    return parser.parse_args()


def _option(text: str) -> tuple[str, Any]:
    name, equals, value = text.partition('=')
    if not (name and equals):
        raise argparse.ArgumentTypeError(f'must be NAME=VALUE, got {text}')
    return name, literal(value)


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f'must be at least 1, got {number}')
    return number


def main() -> None:
    """Prepare the archive and print what it holds."""
    arguments = parse_arguments()
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

    from skelreg.datasets.cards import load_card
    from skelreg.datasets.counts import describe
    from skelreg.datasets.prepare import EXCLUDED, SKIPPED, prepare

    card = load_card(arguments.dataset)
    with Progress('reading', BarColumn(), MofNCompleteColumn(), 'files', TimeRemainingColumn()) as progress:
        task = progress.add_task('reading', total=None, visible=False)
        prepared = prepare(
            card,
            arguments.source,
            arguments.out,
            workers=arguments.workers,
            on_error=arguments.on_error,
            chunk_size=arguments.chunk_size,
            reader_options=dict(arguments.reader_option),
            on_progress=lambda done, total: progress.update(task, completed=done, total=total, visible=True),
        )
    if not prepared.is_new:
        print(f'nothing is left to do: {arguments.out} is whole')
    print('\n'.join(describe(prepared.archive, card)))
    for reason, count in Counter(entry.reason for entry in prepared.excluded).items():
        names = [entry.name for entry in prepared.excluded if entry.reason == reason]
        print(f'  {count:,} files were left out, {reason} (named in {arguments.out / EXCLUDED}):')
        print(f'    {", ".join(names[:_NAMED])}{", ..." if count > _NAMED else ""}')
    if prepared.skipped:
        print(
            f'  {len(prepared.skipped):,} malformed files or sequences were skipped '
            f'(listed in {arguments.out / SKIPPED}):'
        )
        print('\n'.join(f'    {entry.reason.splitlines()[0]}' for entry in prepared.skipped))


if __name__ == '__main__':
    raise SystemExit(run_tool(main))
