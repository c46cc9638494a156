"""The page on custom data shows an example that runs as it stands."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np

from tests.runs import ROOT

PAGE = (ROOT / 'docs/custom_data.md').read_text(encoding='utf-8')
BLOCKS = re.findall(r'^```(\w+)\n(.*?)^```$', PAGE, re.M | re.S)


def test_the_example_runs_from_recordings_to_a_result(tmp_path: Path) -> None:
    for _, block in BLOCKS:
        named = re.match(r'# (wave/\S+)\n', block)
        if named:
            (tmp_path / named[1]).parent.mkdir(exist_ok=True)
            (tmp_path / named[1]).write_text(block, encoding='utf-8')
    for folder in ('tools', 'configs'):
        (tmp_path / folder).symlink_to(ROOT / folder)
    printed = ''
    for line in next(block for kind, block in BLOCKS if kind == 'bash').splitlines():
        program, *arguments = shlex.split(line)
        assert program == 'python'
        result = subprocess.run(
            [sys.executable, *arguments],
            cwd=tmp_path,
            env={**os.environ, 'PYTHONPATH': str(ROOT)},
            capture_output=True,
            text=True,
        )
        assert result.returncode == 0, result.stderr
        printed += result.stdout
    shown = next(block for kind, block in reversed(BLOCKS) if kind == 'text')
    assert shown in printed
    (written,) = (tmp_path / 'work_dirs/wave').rglob('*.supervised.json')
    found = json.loads(written.read_text())
    assert (found['dataset'], found['num_samples'], found['synthetic']) == ('wave', 4, False)
    assert len(list((tmp_path / 'work_dirs/wave_hiclr').rglob('*.knn?.json'))) == 2
    assert len(list((tmp_path / 'work_dirs/wave_few').rglob('*.joint.json'))) == 1
    assert len(json.loads((tmp_path / 'wave/predicted.json').read_text())['labels']) == 8
    lines = (tmp_path / 'wave/predictions.csv').read_text().splitlines()
    assert lines[0] == 'name,label,predicted,probability,wave,clap'
    assert [line.split(',')[0] for line in lines[1:]] == ['later_0', 'later_1']
    with np.load(tmp_path / 'wave/features.npz', allow_pickle=False) as file:
        assert len(file['names']) == len(file['features']) == 16
