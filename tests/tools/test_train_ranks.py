"""tools/train.py in two processes, started by torchrun, on CPUs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from skelreg.compat.files import load_file
from skelreg.runner import load_config
from tests.runs import HICLR, ROOT, run_tool, small_options

EPOCHS, GLOBAL_BATCH, SEQUENCES = 7, 8, 48  # 30 of the sequences train: three steps an epoch


def arguments(work_dir: Path, batch_size: int) -> list[str]:
    """Nothing may depend on the ranks but the share of the batch: no dropout, batch norm in eval mode."""
    options = small_options(load_config(ROOT / HICLR), EPOCHS) | {
        'train_dataloader.batch_size': batch_size,
        'model.queue.size': 2 * GLOBAL_BATCH,
        'model.backbone.dropout': 0.0,
        'model.heads.hierarchy.mining_start_epoch': 2,
        'model.data_preprocessor.global_draws': True,
        'default_hooks.logger.iter_interval': 1,
        'custom_hooks': [{'type': 'tests.ranks.EvalBatchNorm'}],
    }
    changed = [f'{key}={value}' for key, value in options.items()]
    data = ['--synthetic', str(SEQUENCES)]
    return [str(ROOT / HICLR), '--work-dir', str(work_dir), *data, '--cfg-options', *changed]


def steps(work_dir: Path) -> list[dict[str, Any]]:
    """What `scalars.jsonl` holds of every step; an epoch's own line has its seconds."""
    lines = map(json.loads, (work_dir / 'scalars.jsonl').read_text().splitlines())
    return [line for line in lines if 'seconds' not in line]


def two_processes(*tool: str) -> None:
    torchrun = [sys.executable, '-m', 'torch.distributed.run', '--standalone', '--nproc-per-node', '2']
    here = {**os.environ, 'PYTHONPATH': str(ROOT), 'OMP_NUM_THREADS': '1', 'CUDA_VISIBLE_DEVICES': ''}
    command = [*torchrun, str(ROOT / 'tools/train.py'), '--launcher', 'pytorch', *tool]
    found = subprocess.run(command, env=here, capture_output=True, text=True, check=False, timeout=600)
    assert found.returncode == 0, found.stderr


@pytest.fixture(scope='module')
def runs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Work directories of one process, and of two with half of its batch each."""
    one, two = (tmp_path_factory.mktemp(name) for name in ('one', 'two'))
    two_processes(*arguments(two, GLOBAL_BATCH // 2))
    assert run_tool('train', *arguments(one, GLOBAL_BATCH)) == 0
    return one, two


def test_two_processes_follow_the_learning_curve_of_one(runs: tuple[Path, Path]) -> None:
    one, two = (steps(work_dir) for work_dir in runs)
    assert len(one) == len(two) >= 20
    terms = ['loss', *(name for name in one[0] if name.startswith('hierarchy/'))]
    for first, second in zip(one, two, strict=True):
        for name in terms:
            assert second[name] == pytest.approx(first[name], abs=1e-4), (first['iter'], name)


def test_two_processes_end_with_the_weights_and_the_queue_of_one(runs: tuple[Path, Path]) -> None:
    one, two = (load_file(work_dir / f'epoch_{EPOCHS}.pth')['state_dict'] for work_dir in runs)
    assert one.keys() == two.keys()
    for name, value in one.items():
        found = two[name]
        if name == 'queue.features':  # ranks queue their keys one after the other, one process as they come
            halves = value.view(2, -1, 2, value.shape[1]).transpose(1, 2)
            value = halves.reshape_as(value)
        torch.testing.assert_close(found, value, atol=1e-4, rtol=1e-4, msg=name)


def test_the_result_of_two_processes_is_that_of_their_checkpoint(tmp_path: Path) -> None:
    """Each has batch norm statistics of its own, and the checkpoint those of the first."""
    config = ROOT / 'configs/demo/supervised.py'
    changed = [f'{key}={value}' for key, value in small_options(load_config(config), epochs=2).items()]
    options = ['--synthetic', '200', '--cfg-options', *changed]
    two_processes(str(config), '--work-dir', str(tmp_path), *options)
    (scores,) = tmp_path.glob('epoch_2*.npz')
    first = dict(np.load(scores))
    scores.unlink()
    assert run_tool('test', str(config), str(tmp_path / 'epoch_2.pth'), *options) == 0
    second = dict(np.load(scores))
    assert first.keys() == second.keys() and len(first['scores']) > 10
    np.testing.assert_allclose(first['scores'], second['scores'], atol=1e-4)
