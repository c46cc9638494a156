#!/usr/bin/env python
"""Run a grid of configs, option sets and seeds, and sum it up in one table.

Steps run as local processes or as tasks of a Ray cluster, each with a log in its folder. A sweep that was
stopped or killed goes on where it was, with either engine; a step that fails ends its cell only, and runs
again the next time. A step whose config or data have changed counts as new. The table, a picture of it and
every number go beside the grid file. The format of a grid stands in skelreg/sweep/grid.py.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from skelreg.sweep.engines import Engine


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('grid', type=Path, help='grid file, results/nucla/grid.yaml say')
    parser.add_argument('--work-dir', type=Path, help='where the steps work (default: work_dirs/sweep/GRID)')
    parser.add_argument(
        '--out', type=Path, help='where table.md, table.svg and results.json go (default: beside the grid; '
        'the work dir with --synthetic)',
    )
    parser.add_argument(
        '--engine', choices=('local', 'ray'), default='local', help='where steps run (default: local)'
    )
    parser.add_argument(
        '--jobs', type=int, metavar='N', help='steps at a time (default: 1; with ray what the cluster takes)'
    )
    cluster = parser.add_argument_group('with --engine ray')
    cluster.add_argument(
        '--address', help="of the cluster, 'auto' for this machine's (default: a new one on this machine)"
    )
    cluster.add_argument('--cpus', type=int, metavar='N', help='cores of a step (default: 1)')
    cluster.add_argument('--gpus', type=float, metavar='X', help='GPUs of a step, 0.5 say (default: 0)')
    parser.add_argument('--table-only', action='store_true', help='run nothing, sum up what is there')
    parser.add_argument(
        '--synthetic', nargs='?', type=int, const=512, metavar='N',
        help='replace the data by N (default 512) generated sequences of the same layout, classes and shape',
    )
    return parser.parse_args()


def build_engine(args: argparse.Namespace) -> Engine:
    from skelreg.errors import ConfigError
    from skelreg.sweep.engines import LocalEngine
    from skelreg.sweep.ray_engine import RayEngine

    given = {name: getattr(args, name) for name in ('address', 'cpus', 'gpus', 'jobs')}
    given = {name: value for name, value in given.items() if value is not None}
    if args.engine == 'ray':
        return RayEngine(**given)
    if unused := given.keys() - {'jobs'}:
        raise ConfigError(f'--{min(unused)} is for --engine ray', fix='add --engine ray, or leave it out')
    return LocalEngine(given.get('jobs', 1))


def main() -> int:
    args = parse_args()
    from skelreg.durable import check_writable
    from skelreg.engine.files import write_json, write_text
    from skelreg.engine.terminal import say
    from skelreg.report.figures import can_draw
    from skelreg.sweep.execution import locked, run
    from skelreg.sweep.grid import load_grid
    from skelreg.sweep.plan import plan
    from skelreg.sweep.report import as_json, as_markdown, as_picture, collect, refuse_to_empty

    grid = load_grid(args.grid)
    suffix = '' if args.synthetic is None else '-synthetic'
    work_dir = args.work_dir or Path('work_dirs', 'sweep', args.grid.resolve().parent.name + suffix)
    out = args.out or (args.grid.parent if args.synthetic is None else work_dir)
    check_writable(out / 'table.md')
    cells = plan(grid, work_dir, args.synthetic)
    if not args.table_only:
        with locked(work_dir):
            run(cells, Path(__file__).resolve().parents[1], build_engine(args), say)
    outcomes = collect(cells)
    refuse_to_empty(out / 'results.json', outcomes, work_dir)
    table = as_markdown(grid, outcomes)
    write_text(out / 'table.md', table)
    write_json(out / 'results.json', as_json(grid, outcomes))
    written = [out / 'table.md', out / 'results.json']
    if can_draw():
        written.append(out / 'table.svg')
        write_text(written[-1], as_picture(grid, outcomes))
    say('\n'.join([table, 'written:', *map(str, written)]))
    if not can_draw():
        say("no picture of the table: pip install 'skelreg[vis]'")
    return int(any(outcome.failure is not None for outcome in outcomes))


if __name__ == '__main__':
    from skelreg.cli import run_tool

    sys.exit(run_tool(main))
