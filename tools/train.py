#!/usr/bin/env python
"""Train what a config composes; a protocol with an evaluation writes its result beside the checkpoint."""

from __future__ import annotations

import argparse
import sys

from skelreg.cli import add_config_arguments, parse_options, run_tool


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('config', help='config file, configs/hiclr/stgcn_nucla.py say')
    parser.add_argument(
        '--work-dir',
        help='where checkpoints, logs and results go (default: work_dirs/METHOD/CONFIG, with --synthetic '
        'work_dirs/METHOD/CONFIG-synthetic)',
    )
    parser.add_argument(
        '--resume', action='store_true', help='continue from the newest whole checkpoint in the work dir'
    )
    parser.add_argument(
        '--pretrained', metavar='CKPT', help='checkpoint whose encoder is loaded before training'
    )
    parser.add_argument('--amp', action='store_true', help='train with bf16 mixed precision')
    parser.add_argument('--explain', action='store_true', help='print what the config composes, and stop')
    parser.add_argument(
        '--launcher', choices=('none', 'pytorch', 'slurm'), default='none', help='how processes were started'
    )
    add_config_arguments(parser)
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    from skelreg.runner import default_work_dir, load_config

    cfg = load_config(args.config, parse_options(args.cfg_options), synthetic=args.synthetic, amp=args.amp)
    if args.explain:
        from skelreg.explain import explain

        print(explain(cfg))
        return
    from skelreg.tasks import train

    folder = args.work_dir or default_work_dir(cfg)
    if args.work_dir is None and args.synthetic is not None:
        folder = f'{folder}-synthetic'
    train(cfg, folder, launcher=args.launcher, resume=args.resume, pretrained=args.pretrained)


if __name__ == '__main__':
    sys.exit(run_tool(main))
