from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from skelreg.datasets import cards
from tests.runs import run_tool


def test_the_archive_of_a_card_of_one_s_own_has_the_name_in_the_card(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copy(Path(cards.__file__).with_name('cards') / 'nucla.yaml', tmp_path / 'mine.yaml')
    monkeypatch.chdir(tmp_path)
    assert run_tool('draw_labels', 'mine.yaml', '--split', '464', '--amount', '1') == 2
    told = capsys.readouterr().err
    assert 'data/nucla' in told and 'data/mine.yaml' not in told
