#!/usr/bin/env python
"""Draw the features of one or more checkpoints side by side, by t-SNE (PCA without scikit-learn):

  tools/plot_features.py configs/assl/gru_nucla.py before=FILE after=FILE --colour domain --out figure.svg
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
    parser.add_argument('config', help='config that fits all checkpoints')
    parser.add_argument(
        'checkpoints', nargs='+', metavar='[TITLE=]FILE', help='a panel each, titled by its file by default'
    )
    parser.add_argument(
        '--colour', choices=('action', 'domain'), default='action',
        help='action: test sequences by class; domain: training sequences, labelled and unlabelled, or by '
        'the joined set that they are from (default: action)',
    )
    parser.add_argument('--out', required=True, type=Path, help='file to write, SVG')
    add_config_arguments(parser)
    return parser.parse_args()


def titled(texts: list[str]) -> dict[str, str]:
    """Title of each panel -> its checkpoint; a file whose name has a '=' in it is a file."""
    from skelreg.errors import ConfigError

    panels: dict[str, str] = {}
    for text in texts:
        title, equals, file = text.partition('=')
        if not equals or Path(text).is_file():
            title = file = text
        if title in panels:
            raise ConfigError(
                f"two panels have the title '{title}'", got=f'{panels[title]} and {file}',
                fix='give each its own: TITLE=FILE',
            )
        panels[title] = file
    return panels


def main() -> None:
    args = parse_args()
    from skelreg.durable import check_writable
    from skelreg.engine.files import write_text
    from skelreg.feature_plot import feature_plot
    from skelreg.runner import load_config

    check_writable(args.out)
    checkpoints = titled(args.checkpoints)
    cfg = load_config(args.config, parse_options(args.cfg_options), synthetic=args.synthetic)
    write_text(args.out, feature_plot(cfg, checkpoints, args.colour))
    print(f'written to {args.out}')


if __name__ == '__main__':
    sys.exit(run_tool(main))
