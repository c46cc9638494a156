"""tools/train.py: what the user types, sees, and interrupts."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from skelreg import tasks
from skelreg.compat.files import load_file
from skelreg.runner import load_config
from tests.runs import HICLR, ROOT, run_tool, small, small_options

CONFIG = str(ROOT / HICLR)


def options(epochs: int) -> list[str]:
    chosen = small_options(load_config(CONFIG), epochs) | {'default_hooks.checkpoint.interval': 1}
    return ['--synthetic', '24', '--cfg-options', *(f'{key}={value}' for key, value in chosen.items())]


def test_a_mistake_is_told_in_a_sentence_without_a_traceback(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mistake = ['--synthetic', '--cfg-options', 'model.backbone.type=STGNC']
    assert run_tool('train', CONFIG, '--work-dir', str(tmp_path), *mistake) == 2
    told = capsys.readouterr().err
    assert "error: backbone 'STGNC' is not registered (model.backbone.type)" in told
    assert 'Traceback' not in told


def test_explain_tells_what_the_config_composes_and_trains_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run_tool('train', CONFIG, '--explain') == 0
    page = capsys.readouterr().out
    for part in (
        'STGCN (skelreg/backbones/stgcn.py:', 'HierarchicalConsistencyHead (skelreg/heads/hierarchical.py:',
        'stage_2   TemporalCrop(', 'JointMask(', 'loss = 1 * hierarchy/info_nce + 1 * hierarchy/level_1',
        'nucla from data/nucla', 'GFLOP in the backbone',
    ):
        assert part in page
    assert not list(tmp_path.iterdir())


def test_a_synthetic_run_has_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert run_tool('train', CONFIG, *options(1)) == 0
    assert (tmp_path / 'work_dirs/hiclr/stgcn_nucla-synthetic/epoch_1.pth').is_file()
    assert not (tmp_path / 'work_dirs/hiclr/stgcn_nucla').exists()


def test_a_run_in_mixed_precision_says_so_in_its_config(tmp_path: Path) -> None:
    assert run_tool('train', CONFIG, '--work-dir', str(tmp_path), '--amp', *options(1)) == 0
    assert 'AutocastOptimWrapper' in (tmp_path / 'stgcn_nucla.py').read_text()


def test_a_run_killed_at_a_random_moment_and_resumed_is_the_uninterrupted_run(tmp_path: Path) -> None:
    epochs, work_dir = 6, tmp_path / 'killed'
    arguments = [CONFIG, '--work-dir', str(work_dir), *options(epochs)]
    command = [sys.executable, str(ROOT / 'tools/train.py'), *arguments]
    process = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 120
    while not (work_dir / 'epoch_1.pth').exists():
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.01)
    time.sleep(random.SystemRandom().uniform(0, 0.3))
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    assert run_tool('train', *arguments, '--resume') == 0
    whole = tasks.train(small(HICLR, epochs), tmp_path / 'whole')
    found, expected = (load_file(path)['state_dict'] for path in (work_dir / whole.name, whole))
    assert found.keys() == expected.keys()
    assert all(torch.equal(found[key], value) for key, value in expected.items())
