#!/usr/bin/env python
"""Evaluate a checkpoint on the test split of a config; the result is JSON beside the checkpoint."""

from __future__ import annotations

import argparse
import sys

from skelreg.cli import add_config_arguments, parse_options, run_tool


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
        '--copies',
        type=int,
        metavar='N',
        help="average a classifier's scores over N augmented copies of every sequence",
    )
    add_config_arguments(parser)
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    from skelreg.runner import load_config
    from skelreg.tasks import test

    cfg = load_config(args.config, parse_options(args.cfg_options), synthetic=args.synthetic)
    test(cfg, args.checkpoint, args.work_dir, args.copies)


if __name__ == '__main__':
    sys.exit(run_tool(main))
