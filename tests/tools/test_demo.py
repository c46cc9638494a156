from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
Process = subprocess.CompletedProcess[str]


def run(*arguments: object) -> Process:
    path = os.pathsep.join([str(ROOT), os.environ.get('PYTHONPATH', '')])
    return subprocess.run(
        [sys.executable, str(ROOT / 'tools' / 'demo.py'), *map(str, arguments)],
        capture_output=True,
        text=True,
        env={**os.environ, 'PYTHONPATH': path},
    )


@pytest.fixture(scope='module')
def tiny(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Process]:
    """A run that is too short to learn anything, over what an earlier one left."""
    folder = tmp_path_factory.mktemp('demo')
    (folder / 'hiclr').mkdir()
    (folder / 'hiclr' / 'epoch_99.pth').write_text('from an earlier run')
    (folder / 'notes.txt').write_text('the user\'s own')
    result = run('--work-dir', folder, '--sequences', 180, '--epochs', 1)
    assert result.returncode == 0, result.stderr
    return folder, result


def test_help_answers_in_under_a_second() -> None:
    start = time.perf_counter()
    assert run('--help').returncode == 0
    assert time.perf_counter() - start < 1


def test_summary_holds_fractions_of_one(tiny: tuple[Path, Process]) -> None:
    summary = json.loads((tiny[0] / 'summary.json').read_text('utf-8'))
    assert summary.pop('dataset') == 'synthetic'
    assert summary.pop('chance') == pytest.approx(1 / 12)
    both = {'linear', 'knn1'}
    assert {name: set(part) for name, part in summary.items()} == {
        'hiclr': both, 'random': both, 'raw_coordinates': {'knn1'}
    }
    assert all(0 <= value <= 1 for part in summary.values() for value in part.values())


def test_summary_agrees_with_the_results_of_the_tools(tiny: tuple[Path, Process]) -> None:
    folder = tiny[0]
    summary = json.loads((folder / 'summary.json').read_text('utf-8'))
    (linear,) = folder.glob('hiclr/linear/*.linear.json')
    (random,) = folder.glob('random/*.knn1.json')
    assert summary['hiclr']['linear'] == json.loads(linear.read_text('utf-8'))['top1']
    assert summary['random']['knn1'] == json.loads(random.read_text('utf-8'))['top1']


def test_terminal_ends_in_the_table_and_the_report(tiny: tuple[Path, Process]) -> None:
    folder, result = tiny
    end = result.stdout[result.stdout.index('SYNTHETIC data,') :]
    assert all(name in end for name in ('HiCLR', 'random encoder', 'raw coordinates', 'chance'))
    assert f'report: {folder / "report.html"}' in end.replace('\n', ' ').replace('  ', ' ')


def test_report_says_that_data_are_synthetic(tiny: tuple[Path, Process]) -> None:
    text = (tiny[0] / 'report.html').read_text('utf-8')
    assert 'SYNTHETIC data' in text and text.count('class="strip"') == 4


def test_an_earlier_run_is_replaced_and_nothing_else(tiny: tuple[Path, Process]) -> None:
    folder, result = tiny
    assert 'holds an earlier run, which this one replaces' in result.stdout
    assert not (folder / 'hiclr' / 'epoch_99.pth').exists() and (folder / 'notes.txt').exists()
