#!/usr/bin/env python
"""Let a trained classifier label the unlabelled training sequences; the second stage trains on the file:

  train_dataloader.dataset.pseudo_labels=FILE
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
    parser.add_argument('config', help='config of the first stage, configs/supervised/gru_nucla.py say')
    parser.add_argument('checkpoint', help='its weights')
    parser.add_argument('--out', required=True, type=Path, help='file to write, JSON')
    parser.add_argument(
        '--threshold', type=float, default=0.0, help='leave out less probable predictions (default: 0)'
    )
    add_config_arguments(parser)
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    from skelreg.durable import check_writable
    from skelreg.inference import predict_labels
    from skelreg.runner import load_config

    check_writable(args.out)
    cfg = load_config(args.config, parse_options(args.cfg_options), synthetic=args.synthetic)
    written, unlabelled = predict_labels(cfg, args.checkpoint, args.out, args.threshold)
    print(f'{args.out}: labels for {written} of {unlabelled} unlabelled sequences')


if __name__ == '__main__':
    sys.exit(run_tool(main))
