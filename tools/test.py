#!/usr/bin/env python
"""Evaluate a checkpoint on the test split of a config; the result is JSON beside the checkpoint."""

from __future__ import annotations

import argparse
import sys


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        'config', help='config file with a test protocol, configs/hiclr/stgcn_nucla_knn.py say'
    )
    parser.add_argument(
        'checkpoint', nargs='?', help='the weights; leave out only for an encoder that has none'
    )
    parser.add_argument('--work-dir', help='where features are kept (default: beside the checkpoint)')
    parser.add_argument(
        '--synthetic',
        nargs='?',
        type=int,
        const=512,
        metavar='N',
        help='replace the data by N (default 512) generated sequences of the same layout, classes and shape',
    )
    parser.add_argument(
        '--copies',
        type=int,
        metavar='N',
        help="average a classifier's scores over N augmented copies of every sequence",
    )
    parser.add_argument(
        '--cfg-options', nargs='+', default=[], metavar='KEY=VALUE', help='change config entries'
    )
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    from skelreg.cli import parse_options
    from skelreg.runner import load_config
    from skelreg.tasks import test

    cfg = load_config(args.config, parse_options(args.cfg_options), synthetic=args.synthetic)
    test(cfg, args.checkpoint, args.work_dir, args.copies)


if __name__ == '__main__':
    from skelreg.cli import run_tool

    sys.exit(run_tool(main))
