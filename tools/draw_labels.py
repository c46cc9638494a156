#!/usr/bin/env python
"""Draw which training sequences count as labelled, one file for each seed.

A dataset takes such a file, or the same draw without a file, in its config:
  train_dataloader.dataset.label_budget=labels/nucla_464-clean_per_class_n_5_seed_0.json
  train_dataloader.dataset.label_budget="{'per_class_n': 5, 'seed': 0}"
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('dataset', help='name of a dataset card, nucla say, or its path')
    parser.add_argument('--archive', help='folder of the archive (default: data/ and the name in the card)')
    parser.add_argument('--split', required=True, help='a split of the card, xsub say')
    parser.add_argument(
        '--protocol', default='per_class_n',
        help='per_class_n (default), per_class_ratio, global_ratio or first_n',
    )
    parser.add_argument(
        '--amount', required=True, type=float, help='sequences of every class, or a share such as 0.1'
    )
    parser.add_argument('--seeds', nargs='+', type=int, default=[0, 1, 2, 3, 4], help='default: 0 1 2 3 4')
    parser.add_argument('--out', type=Path, default=Path('labels'), help='folder (default: labels)')
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    from skelreg.datasets.cards import load_card
    from skelreg.datasets.dataset import SkeletonDataset
    from skelreg.datasets.label_split import LabelBudget, choose_labels, write_label_split

    archive = args.archive or f'data/{load_card(args.dataset).name}'
    dataset = SkeletonDataset(args.dataset, archive, args.split, 'train')
    for seed in args.seeds:
        budget = LabelBudget(args.protocol, args.amount, seed)
        rows, drawn = choose_labels(
            {budget.protocol: budget.amount, 'seed': seed}, dataset.names, dataset.labels.numpy(),
            dataset=dataset.card.name, split=args.split, subset='train',
            classes=dataset.archive.classes,
        )
        amount = f'{args.amount:g}'
        name = f'{dataset.card.name}_{args.split}_{args.protocol}_{amount}_seed_{seed}.json'
        path = write_label_split(args.out / name, drawn)
        print(f'{path}: {len(rows)} of {len(dataset)} sequences, sha256 {drawn.sha256[:12]}')


if __name__ == '__main__':
    from skelreg.cli import run_tool

    sys.exit(run_tool(main))
