#!/usr/bin/env python
"""Encode recordings: an .npz file with names (S,), features (S, D), and labels (S,), -1 where unknown."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from skelreg.cli import add_config_arguments, parse_options, run_tool


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('config', help='config of the encoder, a _knn config say')
    parser.add_argument('checkpoint', help='its weights')
    parser.add_argument('--archive', help="prepared recordings, data/new say (default: the config's own)")
    parser.add_argument('--subset', default='all', help='train, test or all (default: all)')
    parser.add_argument('--out', required=True, type=Path, help='file to write, .npz')
    add_config_arguments(parser)
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    from skelreg.durable import check_writable
    from skelreg.inference import write_features
    from skelreg.runner import load_config

    check_writable(args.out)
    cfg = load_config(args.config, parse_options(args.cfg_options), synthetic=args.synthetic)
    count, width = write_features(cfg, args.checkpoint, args.out, args.archive, args.subset)
    print(f'{count} recordings, {width} features each, written to {args.out}')


if __name__ == '__main__':
    sys.exit(run_tool(main))
