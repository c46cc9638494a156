"""Write a skeleton layout and a dataset card for BVH files: python -m skelreg_bvh FILE --name NAME."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from skelreg.cli import run_tool


def main() -> None:
    parser = argparse.ArgumentParser(prog='python -m skelreg_bvh', description=__doc__)
    parser.add_argument('file', type=Path, help='one of the .bvh files; all must have its skeleton')
    parser.add_argument('--name', required=True, help='of the layout, and of the dataset')
    parser.add_argument('--out', type=Path, default=Path(), help='folder of the two files (default: here)')
    parser.add_argument('--end-sites', action='store_true', help='take end sites for joints, as <parent>_end')
    arguments = parser.parse_args()
    from .layout import write_layout

    written = write_layout(arguments.file, arguments.out, arguments.name, arguments.end_sites)
    for path in written:
        print(path)
    print(f'next: mend {written[1]} and give it to tools/prepare_data.py in the place of a name')


if __name__ == '__main__':
    sys.exit(run_tool(main))
