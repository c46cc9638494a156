"""Grids whose tools are stand-ins: processes that take milliseconds and leave what the real ones leave."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from skelreg.sweep.grid import load_grid
from skelreg.sweep.plan import Cell, plan

LINEAR, KNN = 'configs/hiclr/stgcn_nucla_linear.py', 'configs/hiclr/stgcn_nucla_knn.py'

#: Both tools in one: fails where an option says so, leaves a checkpoint or a result, counts its runs.
STAND_IN = """
import json, os, pathlib, shutil, sys
args = sys.argv[1:]
folder = pathlib.Path(args[args.index('--work-dir') + 1])
print('threads', os.environ['OMP_NUM_THREADS'])
if 'model.fail=True' in args and not os.environ.get('MENDED'):
    sys.exit('error: it was told to fail')
if sys.argv[0].endswith('train.py'):
    shutil.copy(pathlib.Path(__file__).with_name('epoch_1.pth'), folder)
    stem = folder / 'epoch_1'
else:
    stem = pathlib.Path(args[1]).with_suffix('') if not args[1].startswith('--') else folder / 'untrained'
for name in ('linear',) if sys.argv[0].endswith('train.py') and 'model.report=True' in args else ('knn1',):
    if sys.argv[0].endswith('test.py') or 'model.report=True' in args:
        result = {'protocol': name, 'top1': 0.5, 'top5': None, 'mean_class': 0.25, 'synthetic': True,
                  'dataset': 'nucla', 'split': '464', 'subset': 'test', 'num_samples': 7, 'confusion': [[7]]}
        stem.with_name(f'{stem.name}.{name}.json').write_text(json.dumps(result))
"""

LABELS_STAND_IN = """
import pathlib, sys
assert sys.argv[2].endswith('epoch_1.pth')
pathlib.Path(sys.argv[sys.argv.index('--out') + 1]).write_text('{}')
"""

MakeCells = Callable[[str], list[Cell]]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A folder with the stand-ins in its `tools`."""
    tools = tmp_path / 'tools'
    tools.mkdir()
    for name in ('train.py', 'test.py'):
        (tools / name).write_text(STAND_IN)
    (tools / 'predict_labels.py').write_text(LABELS_STAND_IN)
    torch.save({'meta': {}, 'state_dict': {}, 'optimizer': {}}, tools / 'epoch_1.pth')
    return tmp_path


@pytest.fixture
def cells_of(tmp_path: Path) -> MakeCells:
    """Plans the rows of a grid with seeds 0 and 1."""

    def make(rows: str) -> list[Cell]:
        path = tmp_path / 'grid.yaml'
        path.write_text(
            f'seeds: [0, 1]\nmetrics: [knn1/top1]\nrows:\n{textwrap.indent(textwrap.dedent(rows), "  ")}'
        )
        return plan(load_grid(path), tmp_path / 'work')

    return make
