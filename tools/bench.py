#!/usr/bin/env python
"""Measure how fast the framework is, as ratios to a unit measured in the same run.

One unit is one 2048 x 2048 x 2048 float32 matrix product with as many threads, so that figures of different
machines can be compared. Keep the machine quiet meanwhile. Without names, all cases run.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('cases', nargs='*', help='names of cases; --list shows them')
    parser.add_argument('--all', action='store_true', help='run every case (the default without names)')
    parser.add_argument('--list', action='store_true', help='print the names and stop')
    parser.add_argument('--json', type=Path, metavar='FILE', help='write the figures there, after every case')
    parser.add_argument(
        '--profile', metavar='BACKBONE',
        help='show instead where the pretext step of stgcn, transformer or gru spends its time',
    )
    return parser.parse_args()


def main() -> int:
    args = parse_args()
    from skelreg.bench.run import list_cases, profile, run_cases
    from skelreg.engine.terminal import say

    if args.list:
        say('\n'.join(list_cases()))
        return 0
    if args.profile:
        say(profile(args.profile))
        return 0
    run_cases(args.cases, args.json)
    return 0


if __name__ == '__main__':
    from skelreg.cli import run_tool

    sys.exit(run_tool(main))
