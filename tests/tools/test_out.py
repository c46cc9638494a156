"""What cannot be written is told before the work, not after it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.runs import run_tool

CONFIG = 'configs/supervised/gru_nucla.py'
#: Arguments that would be refused themselves, if the place of the result were not looked at first.
CALLS = {
    'predict_labels': (CONFIG, 'none.pth', '--out'),
    'predict': (CONFIG, 'none.pth', '--out'),
    'extract_features': (CONFIG, 'none.pth', '--out'),
    'plot_features': (CONFIG, 'none.pth', '--out'),
    'fuse_scores': ('none.npz', '--out'),
    'bench': ('parse', '--json'),
}


@pytest.mark.parametrize('tool', CALLS)
def test_a_folder_in_the_place_of_the_file_is_told_first(
    tool: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_tool(tool, *CALLS[tool], str(tmp_path)) == 2
    told = capsys.readouterr()
    assert f'the file cannot be written ({tmp_path})\n  got: it is a folder' in told.err and told.out == ''


def test_a_sweep_looks_at_the_place_of_its_table_first(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    grid, work_dir, out = (tmp_path / name for name in ('grid.yaml', 'work', 'file'))
    grid.write_text('seeds: [0]\nmetrics: [knn1/top1]\nrows: {raw: [{test: configs/raw/nucla_knn.py}]}')
    out.write_text('no folder')
    assert run_tool('sweep', str(grid), '--work-dir', str(work_dir), '--out', str(out)) == 2
    assert f'{out} is no folder' in capsys.readouterr().err and not work_dir.exists()
