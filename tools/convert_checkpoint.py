#!/usr/bin/env python
"""Convert another project's checkpoint to this project's names, or one of ours to theirs; no code is run."""

from __future__ import annotations

import argparse
import sys


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('source', help='checkpoint to convert')
    parser.add_argument('target', help='file to write; of ours, for --pretrained or tools/test.py')
    direction = parser.add_mutually_exclusive_group()
    direction.add_argument(
        '--from',
        dest='origin',
        metavar='FORM',
        default='hiclr-stgcn',
        help='what the source is: hiclr-stgcn (default; ST-GCN of HiCLR, AimCLR and SkeletonCLR), '
        'hiclr-dsta (HiCLR\'s transformer), pyskl-stgcn (ST-GCN of PYSKL and MMAction2)',
    )
    direction.add_argument(
        '--to',
        dest='goal',
        metavar='FORM',
        help='convert a checkpoint of ours instead, to hiclr-stgcn or hiclr-dsta',
    )
    parser.add_argument('--layout', help='with --to hiclr-stgcn: the skeleton layout, if the file lacks it')
    parser.add_argument('--adjacency', help="with --to hiclr-stgcn: the backbone's adjacency, likewise")
    parser.add_argument(
        '--stream',
        choices=('joint', 'bone', 'motion'),
        help='with --from: what the encoder was trained on, which the file does not say; a model of another '
        'stream will refuse the checkpoint then',
    )
    args = parser.parse_args()
    if args.goal is not None and args.stream is not None:
        parser.error('--stream is for --from')
    return args


def main() -> None:
    args = parse_args()
    from skelreg.learner.foreign import export_file, import_file
    from skelreg.plugin_manager import load_plugins

    load_plugins()  # their layouts can be the ones that a checkpoint was trained on
    if args.goal is not None:
        done = export_file(args.source, args.target, args.goal, args.layout, args.adjacency)
    else:
        done = import_file(args.source, args.target, args.origin, args.stream)
    print('\n'.join(done.written))
    if done.left_out:
        print(f'left out, since the architecture gives them: {", ".join(done.left_out)}')
    print(f'{len(done.written)} tensors written to {args.target}')
    if done.graph is not None and args.goal is None:
        print("build the model with layout='{}' and, for its backbone, adjacency='{}'".format(*done.graph))


if __name__ == '__main__':
    from skelreg.cli import run_tool

    sys.exit(run_tool(main))
