"""The sweep as a user runs it, with the real tools on a few synthetic sequences."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parents[2]
GRID = """
title: Trial
seeds: [0]
reference: pretrained
metrics: [knn1/top1]
options:
  train_dataloader.batch_size: 8
  train_dataloader.dataset.num_frames: 8
  test_dataloader.dataset.num_frames: 8
rows:
  pretrained:
    - train: configs/skeletonclr/stgcn_nucla.py
      options: {train_cfg.max_epochs: 16, default_hooks.checkpoint.interval: 1, model.queue.size: 16,
                model.backbone.hidden_channels: 4, model.backbone.out_channels: 8}
    - test: configs/hiclr/stgcn_nucla_knn.py
      from: 1
      options: {model.backbone.hidden_channels: 4, model.backbone.out_channels: 8}
  raw coordinates:
    - test: configs/raw/nucla_knn.py
      options: {model.backbone.num_frames: 8}
  broken:
    - test: configs/raw/nucla_knn.py
      options: {model.backbone.num_frames: 8, test_cfg.k: [1000]}
"""


def start(*arguments: str | Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, str(ROOT / 'tools' / 'sweep.py'), *map(str, arguments)],
        cwd=ROOT, env={**os.environ, 'PYTHONPATH': str(ROOT)}, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )


def kill_while_training(work_dir: Path, *arguments: str | Path) -> Path:
    """Start a sweep and kill it with its first step half done; returns that step's folder."""
    sweep, deadline = start(*arguments), time.monotonic() + 240
    while not (found := list(work_dir.glob('pretrained/seed_0/1-*/epoch_*.pth'))):
        assert sweep.poll() is None and time.monotonic() < deadline
        time.sleep(0.02)
    sweep.send_signal(signal.SIGKILL)
    sweep.communicate()
    return found[0].parent


def test_a_killed_sweep_goes_on_where_it_was_and_records_what_fails(tmp_path: Path) -> None:
    (tmp_path / 'grid.yaml').write_text(GRID)
    arguments = (tmp_path / 'grid.yaml', '--synthetic', '48', '--work-dir', tmp_path / 'work', '--jobs', '2')
    folder = kill_while_training(tmp_path / 'work', *arguments)
    scalars = folder / 'scalars.jsonl'
    before = scalars.read_text()
    time.sleep(1)
    assert scalars.read_text() == before and not (folder / 'done.json').exists()  # the step ended as well

    sweep = start(*arguments)
    output, _ = sweep.communicate(timeout=400)
    assert sweep.returncode == 1 and 'FAILED: kNN with k = 1000 needs' in output
    assert 'epoch  1/16' in (folder / 'log.txt').read_text().split('$ python')[1]
    assert 'epoch  1/16' not in (folder / 'log.txt').read_text().split('$ python')[2]
    results = json.loads((tmp_path / 'work' / 'results.json').read_text())
    assert {cell['row']: cell['complete'] for cell in results['cells']} == {
        'pretrained': True, 'raw coordinates': True, 'broken': False,
    }
    table = (tmp_path / 'work' / 'table.md').read_text()
    assert '**Made with synthetic data.**' in table and '| broken | missing |' in table and table in output


def test_table_only_runs_nothing(tmp_path: Path) -> None:
    (tmp_path / 'grid.yaml').write_text(GRID)
    sweep = start(tmp_path / 'grid.yaml', '--table-only', '--work-dir', tmp_path / 'work')
    output, _ = sweep.communicate(timeout=100)
    assert sweep.returncode == 0 and '- raw coordinates: not run to its end' in output
    assert (tmp_path / 'table.md').is_file() and not (tmp_path / 'work').exists()


def test_a_table_of_nothing_does_not_replace_one_with_figures(tmp_path: Path) -> None:
    (tmp_path / 'grid.yaml').write_text(GRID)
    finished = json.dumps({'cells': [{'results': {'knn1': {'top1': 0.5}}}]})
    (tmp_path / 'results.json').write_text(finished)
    sweep = start(tmp_path / 'grid.yaml', '--table-only', '--work-dir', tmp_path / 'wrok')
    output, _ = sweep.communicate(timeout=100)
    assert sweep.returncode == 2 and f'nothing is finished in {tmp_path / "wrok"}' in output
    assert (tmp_path / 'results.json').read_text() == finished and not (tmp_path / 'table.md').exists()


def test_a_mistake_in_the_grid_is_one_message(tmp_path: Path) -> None:
    (tmp_path / 'grid.yaml').write_text(GRID.replace('reference: pretrained', 'reference: pretrain'))
    sweep = start(tmp_path / 'grid.yaml')
    output, _ = sweep.communicate(timeout=100)
    assert sweep.returncode == 2 and output.startswith("error: reference names no row: 'pretrain'")


def test_help_imports_nothing_heavy() -> None:
    result = subprocess.run(
        [sys.executable, '-X', 'importtime', str(ROOT / 'tools' / 'sweep.py'), '--help'],
        capture_output=True, text=True, check=False, env={**os.environ, 'PYTHONPATH': str(ROOT)},
    )
    assert result.returncode == 0 and 'usage:' in result.stdout
    assert not any(f' {heavy}\n' in result.stderr for heavy in ('torch', 'mmengine', 'numpy', 'yaml'))
