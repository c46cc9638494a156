"""tools/test.py: what the user types and sees."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.runs import KNN, ROOT, run_tool

CONFIG = str(ROOT / KNN)


def test_a_model_with_weights_is_not_tested_without_a_checkpoint(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_tool('test', CONFIG, '--work-dir', str(tmp_path), '--synthetic', '24') == 2
    assert 'name the checkpoint: tools/test.py CONFIG CHECKPOINT' in capsys.readouterr().err


def test_a_missing_checkpoint_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_tool('test', CONFIG, str(tmp_path / 'none.pth'), '--synthetic') == 2
    assert f'got: {tmp_path / "none.pth"}' in capsys.readouterr().err


def test_raw_coordinates_are_tested_without_a_checkpoint(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    more = ['--work-dir', str(tmp_path), '--synthetic', '24', '--cfg-options', 'test_cfg.k=[1]']
    assert run_tool('test', str(ROOT / 'configs/raw/nucla_knn.py'), *more) == 0
    assert 'SYNTHETIC' in capsys.readouterr().out and (tmp_path / 'untrained.knn1.json').is_file()


def test_help_names_the_checkpoint(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_tool('test', '--help') == 0
    assert 'checkpoint' in capsys.readouterr().out
