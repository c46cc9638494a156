#!/usr/bin/env python
"""Run a grid of configs, option sets and seeds, and sum it up in one table.

Steps run as local processes, each with a log in its folder. A sweep that was stopped or killed goes on
where it was; a step that fails ends its cell only, and runs again the next time. The table and every
number go beside the grid file. The format of a grid stands in skelreg/sweep/grid.py.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('grid', type=Path, help='grid file, results/nucla/grid.yaml say')
    parser.add_argument('--work-dir', type=Path, help='where the steps work (default: work_dirs/sweep/GRID)')
    parser.add_argument(
        '--out', type=Path, help='where table.md and results.json go (default: beside the grid; the work dir '
        'with --synthetic)',
    )
    parser.add_argument('--jobs', type=int, default=1, metavar='N', help='steps at a time (default: 1)')
    parser.add_argument('--table-only', action='store_true', help='run nothing, sum up what is there')
    parser.add_argument(
        '--synthetic', nargs='?', type=int, const=512, metavar='N',
        help='replace the data by N (default 512) generated sequences of the same layout, classes and shape',
    )
    return parser.parse_args()


def main() -> int:
    args = parse_args()
    from skelreg.engine.files import write_json, write_text
    from skelreg.engine.terminal import say
    from skelreg.errors import ConfigError
    from skelreg.sweep.execution import locked, run
    from skelreg.sweep.grid import load_grid
    from skelreg.sweep.plan import plan
    from skelreg.sweep.report import as_json, as_markdown, collect

    if args.jobs < 1:
        raise ConfigError('--jobs must be at least 1', got=args.jobs)
    grid = load_grid(args.grid)
    suffix = '' if args.synthetic is None else '-synthetic'
    work_dir = args.work_dir or Path('work_dirs', 'sweep', args.grid.resolve().parent.name + suffix)
    out = args.out or (args.grid.parent if args.synthetic is None else work_dir)
    cells = plan(grid, work_dir, args.synthetic)
    if not args.table_only:
        with locked(work_dir):
            run(cells, Path(__file__).resolve().parents[1], args.jobs, say)
    outcomes = collect(cells)
    table = as_markdown(grid, outcomes)
    write_text(out / 'table.md', table)
    write_json(out / 'results.json', as_json(grid, outcomes))
    say(f'{table}\nwritten to {out / "table.md"} and {out / "results.json"}')
    return int(any(outcome.failure is not None for outcome in outcomes))


if __name__ == '__main__':
    from skelreg.cli import run_tool

    sys.exit(run_tool(main))
