"""`--help` of every tool answers at once: it does without torch, whose import takes seconds."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.runs import ROOT

TOOLS = sorted(path.name for path in ROOT.glob('tools/*.py'))


@pytest.mark.parametrize('tool', TOOLS)
def test_help_does_without_torch(tool: str) -> None:
    command = [sys.executable, '-X', 'importtime', str(ROOT / 'tools' / tool), '--help']
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    imported = {line.rpartition('|')[2].strip() for line in result.stderr.splitlines()}
    assert result.stdout.startswith('usage:')
    assert 'argparse' in imported and 'torch' not in imported and 'mmengine' not in imported
