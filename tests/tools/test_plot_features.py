from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from skelreg.errors import ConfigError
from skelreg.feature_plot import _some, feature_plot
from skelreg.runner import build_runner, load_config
from tests.runs import run_tool

pytest.importorskip('matplotlib')
ROOT = Path(__file__).parents[2]
CONFIG, CAMERAS = 'configs/supervised/gru_nucla.py', 'configs/mixed/gru_nucla_two_cameras.py'
SIZE = 96


@pytest.fixture(scope='module')
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp('run')
    runner = build_runner(load_config(ROOT / CAMERAS, synthetic=SIZE), folder)
    runner.model.init_weights()
    torch.save({'state_dict': runner.model.state_dict()}, folder / 'epoch_1.pth')
    return folder / 'epoch_1.pth'


def test_a_title_stands_once(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    panels = ('before=a.pth', 'before=b.pth')
    assert run_tool('plot_features', CONFIG, *panels, '--out', str(tmp_path / 'figure.svg')) == 2
    assert "two panels have the title 'before'\n  got: a.pth and b.pth" in capsys.readouterr().err


def test_a_file_may_have_an_equals_sign_in_its_path(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    file, out = tmp_path / 'lr=0.1' / 'epoch_1.pth', str(tmp_path / 'figure.svg')
    file.parent.mkdir()
    file.write_text('no checkpoint')
    config = str(ROOT / CONFIG)
    for text in (str(file), f'mine={file}'):
        assert run_tool('plot_features', config, text, '--out', out, '--synthetic', str(SIZE)) == 2
        assert f'({file})' in capsys.readouterr().err


def texts(svg: str) -> set[str]:
    return set(re.findall('<!-- (.*) -->', svg))


def test_the_command_draws_a_panel_for_each_checkpoint(checkpoint: Path, tmp_path: Path) -> None:
    out = tmp_path / 'figure.svg'
    command = [sys.executable, 'tools/plot_features.py', CONFIG, f'before={checkpoint}', str(checkpoint)]
    options = ['--colour', 'domain', '--out', str(out), '--synthetic', str(SIZE)]
    done = subprocess.run([*command, *options], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found = texts(out.read_text())
    assert {'labelled', 'unlabelled', 'domain'} <= found
    assert any(text.startswith('before (') for text in found)


def test_points_are_coloured_by_action_or_by_joined_set(checkpoint: Path) -> None:
    assert 'clap' in texts(feature_plot(load_config(ROOT / CONFIG, synthetic=SIZE), {'a': checkpoint}))
    cameras = feature_plot(load_config(ROOT / CAMERAS, synthetic=SIZE), {'a': checkpoint}, 'domain')
    assert {'dataset_0', 'dataset_1'} <= texts(cameras)


def test_one_domain_is_refused(checkpoint: Path) -> None:
    cfg = load_config(ROOT / 'configs/hiclr/gru_nucla.py', synthetic=SIZE)
    with pytest.raises(ConfigError, match='one domain only'):
        feature_plot(cfg, {'a': checkpoint}, 'domain')


def test_rare_groups_are_drawn_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr('skelreg.feature_plot.MAX_POINTS', 30)
    groups = np.array([0] * 90 + [1] * 10)
    chosen = _some(groups)
    assert len(chosen) == 30 and (groups[chosen] == 1).sum() == 10 and len(set(chosen)) == 30
