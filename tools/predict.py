#!/usr/bin/env python
"""Classify recordings: a table with the class of each, its probability, and that of every other class.

Recordings need no labels, and are prepared as those that the model was trained on, with the same card:

  tools/prepare_data.py CARD --source FOLDER --out data/new
  tools/predict.py CONFIG CHECKPOINT --archive data/new --out predictions.csv
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from skelreg.cli import add_config_arguments, parse_options, run_tool


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('config', help='config with a classifier, as it was tested with')
    parser.add_argument('checkpoint', help='its weights')
    parser.add_argument('--archive', help="prepared recordings, data/new say (default: the config's own)")
    parser.add_argument('--subset', default='all', help='train, test or all (default: all)')
    parser.add_argument('--out', required=True, type=Path, help='file to write, CSV')
    add_config_arguments(parser)
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    from rich.console import Console

    from skelreg.durable import check_writable
    from skelreg.inference import predict, write_predictions
    from skelreg.runner import load_config

    check_writable(args.out)
    cfg = load_config(args.config, parse_options(args.cfg_options), synthetic=args.synthetic)
    classified = predict(cfg, args.checkpoint, args.archive, args.subset)
    write_predictions(args.out, classified)
    Console().print(classified.as_table())
    print(f'{len(classified.names)} recordings, written to {args.out}')


if __name__ == '__main__':
    sys.exit(run_tool(main))
