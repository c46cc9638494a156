from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
Process = subprocess.CompletedProcess[str]
ENVIRONMENT = {**os.environ, 'PYTHONPATH': os.pathsep.join([str(ROOT), os.environ.get('PYTHONPATH', '')])}


def command(*arguments: object) -> list[str]:
    return [sys.executable, str(ROOT / 'tools' / 'demo.py'), *map(str, arguments)]


def run(*arguments: object) -> Process:
    return subprocess.run(command(*arguments), capture_output=True, text=True, env=ENVIRONMENT)


@pytest.fixture(scope='module')
def tiny(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Process]:
    """A run that is too short to learn anything, over what an earlier one left."""
    folder = tmp_path_factory.mktemp('demo')
    (folder / '.skelreg-demo').touch()
    (folder / 'hiclr').mkdir()
    (folder / 'hiclr' / 'epoch_99.pth').write_text('from an earlier run')
    (folder / 'notes.txt').write_text("the user's own")
    result = run('--work-dir', folder, '--sequences', 180, '--epochs', 1)
    assert result.returncode == 0, result.stderr
    return folder, result


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


def test_a_folder_that_no_demo_wrote_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / 'hiclr').mkdir()
    (tmp_path / 'hiclr' / 'epoch_99.pth').write_text('of a long training')
    result = run('--work-dir', tmp_path)
    assert result.returncode == 2 and 'no .skelreg-demo that says that a demo wrote them' in result.stderr
    assert [path.name for path in tmp_path.rglob('*')] == ['hiclr', 'epoch_99.pth']


def test_the_marker_makes_a_folder_the_demo_s_own(tiny: tuple[Path, Process]) -> None:
    assert (tiny[0] / '.skelreg-demo').is_file()


@pytest.mark.parametrize('option', [('--epochs', 0), ('--sequences', 0), ('--sequences', 30)])
def test_numbers_that_no_run_can_have_cost_no_earlier_run(tmp_path: Path, option: tuple[str, int]) -> None:
    for name in ('.skelreg-demo', 'summary.json'):
        (tmp_path / name).touch()
    result = run('--work-dir', tmp_path, *option)
    assert result.returncode == 2 and f'error: {option[0]}' in result.stderr
    assert (tmp_path / 'summary.json').is_file()


@pytest.mark.skipif(os.name != 'posix', reason='Ctrl-C is sent as a POSIX signal')
def test_ctrl_c_ends_a_run_without_a_traceback_and_without_a_summary(tmp_path: Path) -> None:
    process = subprocess.Popen(
        command('--work-dir', tmp_path, '--sequences', 180),
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=ENVIRONMENT,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    assert process.stdout is not None
    while not process.stdout.readline().startswith('epoch'):
        assert process.poll() is None
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130 and errors.strip().endswith('interrupted') and 'Traceback' not in errors
    assert not (tmp_path / 'summary.json').exists()
