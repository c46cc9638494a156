"""Examine what training depends on, and say what is wrong and how to mend it.

  python tools/doctor.py                          the environment: packages, GPU, plugins
  python tools/doctor.py configs/hiclr/x.py       a config: parts, data, one step of training
  python tools/doctor.py data/nucla               an archive: damage, dead inputs, classes, twins
  python tools/doctor.py ctrgcn                   a plugin: needs, hooks, contracts of its components

Exit status 1 if anything is wrong; notes may be meant.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from skelreg.cli import run_tool

if TYPE_CHECKING:
    from skelreg.doctor.finding import Report

MARKS = {'fine': 'ok   ', 'note': 'note ', 'wrong': 'WRONG'}


def parse_arguments() -> argparse.Namespace:
    """Command line; answers --help without importing anything heavy."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('target', nargs='?', help='config (.py), archive (folder) or plugin (name)')
    parser.add_argument('--card', help='an archive: the card of its dataset, by name or path')
    return parser.parse_args()


def examine(target: str | None, card: str | None) -> Report:
    """The examination that fits the target."""
    if target is None:
        from skelreg.doctor.environment import examine_environment

        return examine_environment()
    if target.endswith('.py'):
        from skelreg.doctor.config import examine_config

        return examine_config(target)
    if Path(target).is_dir() or len(Path(target).parts) > 1:
        from skelreg.datasets.cards import load_card
        from skelreg.doctor.archive import examine_archive

        return examine_archive(target, None if card is None else load_card(card))
    from skelreg.doctor.plugin import examine_plugin

    return examine_plugin(target)


def main() -> int:
    arguments = parse_arguments()
    report = examine(arguments.target, arguments.card)
    for finding in report.findings:
        print(f'{MARKS[finding.level]}  {finding.what}')
        if finding.mend:
            print(f'       -> {finding.mend}')
    return 0 if report.is_healthy else 1


if __name__ == '__main__':
    sys.exit(run_tool(main))
