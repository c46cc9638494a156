#!/usr/bin/env python
"""Fuse the scores of several runs: streams, snapshots of one run, augmented copies.

Every evaluation of a classifier leaves <checkpoint>.<protocol>.scores.npz beside its result. Weights are
equal, given (--weights), or chosen on a held-out part of the training split (--choose-on, one file for each
run, in the same order). The test sequences are never chosen on: a held-out file that shares one is refused.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('scores', nargs='+', type=Path, help='score files of the runs, on the same sequences')
    how = parser.add_mutually_exclusive_group()
    how.add_argument('--weights', nargs='+', type=float, metavar='W', help='one for each run: .6 .6 .4')
    how.add_argument(
        '--choose-on', nargs='+', type=Path, metavar='FILE',
        help='score files of a held-out part of the training split; weights with the best top-1 there',
    )
    parser.add_argument(
        '--probabilities', action='store_true', help='add softmax probabilities (default: logits)'
    )
    parser.add_argument('--out', type=Path, help='JSON to write (default: fused.json beside the first file)')
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    from rich.console import Console

    from skelreg.durable import check_writable
    from skelreg.engine.files import write_json
    from skelreg.engine.fusion import Kind, as_json, as_table, fuse, weights_from_held_out
    from skelreg.engine.scores import read_scores

    out = args.out or args.scores[0].with_name('fused.json')
    check_writable(out)
    runs = [read_scores(path) for path in args.scores]
    held_out = [read_scores(path) for path in args.choose_on or ()]
    kind: Kind = 'probabilities' if args.probabilities else 'logits'
    weights = weights_from_held_out(held_out, runs, kind) if held_out else args.weights
    fusion = fuse(runs, weights, kind)
    write_json(out, as_json(fusion, runs, held_out))
    Console().print(as_table(fusion, runs))
    print(f'written to {out}')


if __name__ == '__main__':
    from skelreg.cli import run_tool

    sys.exit(run_tool(main))
