"""What metafiles say is measured stands in the file that they name."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.runs import ROOT

METAFILES = sorted(ROOT.glob('configs/*/metafile.yml'))
MEASURED = [(path, entry) for path in METAFILES for entry in yaml.safe_load(path.read_text())['measured']]


@pytest.mark.parametrize(('path', 'entry'), MEASURED)
def test_measured_figure_is_in_its_file(path: Path, entry: dict[str, Any]) -> None:
    assert (ROOT / entry['config']).is_file()
    content = json.loads((ROOT / entry['file']).read_text())
    assert round(figure_of(content, entry), 3) == entry['top1']


def figure_of(content: dict[str, Any], entry: dict[str, Any]) -> float:
    """Top-1 of a result file, or of HiCLR's row in the file of a sweep."""
    if 'top1' in content:
        assert content['protocol'] == entry['protocol']
        return float(content['top1'])
    cells = [cell for cell in content['cells'] if cell['row'] == 'HiCLR']
    values = [cell['results'][entry['protocol']]['top1'] for cell in cells]
    assert len(values) == entry['seeds']
    return sum(values) / len(values)
