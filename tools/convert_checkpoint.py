#!/usr/bin/env python
"""Rename another project's checkpoint to this project's names; no code in the file is run."""

from __future__ import annotations

import argparse
import sys


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('source', help='checkpoint of the other project')
    parser.add_argument('target', help='file to write, for --pretrained or tools/test.py')
    parser.add_argument(
        '--from',
        dest='layout',
        default='hiclr-stgcn',
        help='hiclr-stgcn (default): the ST-GCN releases of HiCLR, AimCLR and SkeletonCLR',
    )
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    from skelreg.learner.foreign import convert_file

    names = convert_file(args.source, args.target, args.layout)
    for name in names:
        print(name)
    print(
        f"{len(names)} tensors written to {args.target}; build the model with adjacency='release_spatial', "
        'as configs/hiclr/stgcn_ntu60_release.py does'
    )


if __name__ == '__main__':
    from skelreg.cli import run_tool

    sys.exit(run_tool(main))
