"""Write a working plugin package to begin with: a component, its hooks, its contract test and a config."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from skelreg.cli import run_tool

ROOT = Path(__file__).parents[1]


def parse_arguments() -> argparse.Namespace:
    """Command line; answers --help without importing anything heavy."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        'name', help='demo_backbone gives the package skelreg-demo-backbone and the class DemoBackbone'
    )
    parser.add_argument(
        '--kind', required=True, choices=('backbone', 'augmentation', 'head', 'regularizer', 'reader')
    )
    parser.add_argument('--out', type=Path, help='folder of the package (default: build/NAME)')
    return parser.parse_args()


def main() -> None:
    arguments = parse_arguments()
    from skelreg.scaffold.plugin import write_plugin

    out = arguments.out or Path('build', arguments.name)
    for path in write_plugin(arguments.name, arguments.kind, out, checkout=ROOT):
        print(path)
    print(f'next: pip install --editable {out} && pytest {out}')


if __name__ == '__main__':
    sys.exit(run_tool(main))
