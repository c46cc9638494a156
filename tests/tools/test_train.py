"""tools/train.py as a process: what the user types, sees, and interrupts."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import torch

from skelreg import tasks
from skelreg.compat.files import load_file
from skelreg.runner import load_config
from tests.runs import HICLR, ROOT, small, small_options

TRAIN = [sys.executable, str(ROOT / 'tools/train.py')]


def options(epochs: int) -> list[str]:
    chosen = small_options(load_config(ROOT / HICLR), epochs) | {'default_hooks.checkpoint.interval': 1}
    return ['--synthetic', '24', '--cfg-options', *(f'{key}={value}' for key, value in chosen.items())]


def run(*arguments: str, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*TRAIN, *arguments], capture_output=True, text=True, timeout=120, check=False, cwd=cwd
    )


def test_a_mistake_is_told_in_a_sentence_without_a_traceback(tmp_path: Path) -> None:
    done = run(HICLR, '--work-dir', str(tmp_path), '--cfg-options', 'model.backbone.type=STGNC', '--synthetic')
    assert done.returncode == 2 and 'Traceback' not in done.stderr
    assert "error: backbone 'STGNC' is not registered (model.backbone.type)" in done.stderr


def test_explain_tells_what_the_config_composes_and_trains_nothing(tmp_path: Path) -> None:
    done = run(str(ROOT / HICLR), '--explain', cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    for part in (
        'STGCN (skelreg/backbones/stgcn.py:', 'HierarchicalConsistencyHead (skelreg/heads/hierarchical.py:',
        'stage_2   TemporalCrop(', 'JointMask(', 'loss = 1 * hierarchy/info_nce + 1 * hierarchy/level_1',
        'nucla from data/nucla', 'GFLOP in the backbone',
    ):
        assert part in done.stdout, part
    assert not list(tmp_path.iterdir())


def test_a_run_killed_at_a_random_moment_and_resumed_is_the_uninterrupted_run(tmp_path: Path) -> None:
    epochs, work_dir = 4, tmp_path / 'killed'
    command = [*TRAIN, HICLR, '--work-dir', str(work_dir), *options(epochs)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 100
    while not (work_dir / 'epoch_1.pth').exists():
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.01)
    time.sleep(random.uniform(0, 0.5))
    process.send_signal(signal.SIGKILL)
    process.wait()
    resumed = run(HICLR, '--work-dir', str(work_dir), '--resume', *options(epochs))
    assert resumed.returncode == 0, resumed.stderr
    whole = tasks.train(small(HICLR, epochs), tmp_path / 'whole')
    found, expected = (load_file(path)['state_dict'] for path in (work_dir / whole.name, whole))
    assert found.keys() == expected.keys()
    assert all(torch.equal(found[key], value) for key, value in expected.items())
