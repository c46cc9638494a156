from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from skelreg.bench import gpu, memory, run, training
from skelreg.bench.data import skeleton_text
from skelreg.bench.measure import Figure, figure
from skelreg.bench.memory import sparse_archive
from skelreg.bench.run import all_cases
from skelreg.datasets.archive import SkeletonArchive
from skelreg.datasets.dataset import SkeletonDataset
from skelreg.datasets.readers.ntu_file import parse
from tests.runs import ROOT, run_tool

ASKED = ('exact-16-2', 'fast-16-2', 'augment-64', 'parse', 'fetch', 'linear', 'open', 'train-memory', 'help')


def test_the_list_holds_what_is_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_tool('bench', '--list') == 0
    names = capsys.readouterr().out.split()
    assert set(ASKED) <= set(names) and len(set(names)) == len(names)


def test_cases_of_a_gpu_are_there_where_one_is(monkeypatch: pytest.MonkeyPatch) -> None:
    found = {}
    for there in (True, False):
        monkeypatch.setattr(torch.cuda, 'is_available', lambda there=there: there)
        found[there] = set(all_cases())
    assert found[True] - found[False] == set(dict(gpu.cases())) and found[False] < found[True]


@pytest.mark.parametrize('arguments', [('pasre',), ('help', 'pasre')])
def test_an_unknown_case_is_named_before_anything_runs(
    capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...]
) -> None:
    assert run_tool('bench', *arguments) == 2
    told = capsys.readouterr()
    assert "there is no case 'pasre'" in told.err and 'parse' in told.err and told.out == ''


def test_an_unknown_backbone_to_profile_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_tool('bench', '--profile', 'stgnc') == 2
    assert 'stgcn' in capsys.readouterr().err


def test_a_case_is_told_and_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / 'cpu.json'
    assert run_tool('bench', 'parse', '--json', str(path)) == 0
    (found,) = json.loads(path.read_text())
    assert {'case', 'value', 'unit', 'goal', 'aim', 'met'} <= set(found)
    assert 0 < found['low'] <= found['value'] <= found['high']
    assert found['met'] is (found['value'] <= found['goal'])
    assert found['case'] in capsys.readouterr().out


def test_the_file_that_is_parsed_is_one_of_ntu_s_form() -> None:
    text = skeleton_text(num_frames=3)
    bodies = parse(text, 25, 'S001C001P001R001A001.skeleton')
    assert text.count(b'\n') == 1 + 3 * (1 + 2 * 27) and bodies


def test_a_sparse_archive_is_sound_and_takes_no_place(tmp_path: Path) -> None:
    path = sparse_archive(tmp_path / 'sparse', sequences=200, length=1000)
    archive = SkeletonArchive.open(path)
    assert archive.frames.nbytes == 200 * 1000 * 600 and not archive.sequence(199).any()
    assert 512 * (path / 'frames.npy').stat().st_blocks < 2**20
    assert 0 < len(SkeletonDataset('ntu60', archive, 'xsub', 'train')) < 200


def test_the_memory_of_whoever_measures_does_not_count(tmp_path: Path) -> None:
    held = np.ones(2**26)  # half a gigabyte
    path = sparse_archive(tmp_path / 'sparse', sequences=2, length=10)
    assert memory._peak(memory._OPENING, str(path)) < held.nbytes / 1024


@pytest.mark.parametrize('one_body', [0.0, 0.75])
def test_batches_have_the_share_of_absent_bodies_that_is_asked_for(one_body: float) -> None:
    inputs = training.batch_of(8, one_body)['inputs'].numpy()
    assert inputs.shape == (8, 3, 50, 25, 2)
    present = inputs.any(axis=(1, 2, 3))  # (N, M)
    assert np.mean(~present[:, 1]) == one_body and present[:, 0].all()


def test_a_step_in_mixed_precision_can_be_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training, 'QUEUE', 8)
    backbone = dict(type='STGCN', hidden_channels=2, out_channels=4)
    losses = training.step_of(training.pretext_model(backbone), training.batch_of(4), 'bfloat16')()
    assert losses['loss'].isfinite()


def test_a_run_that_breaks_off_keeps_the_figures_it_has(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def measured(name: str) -> Figure:
        if name == 'fetch':
            raise KeyboardInterrupt
        return figure('first', [1.0], 's')

    monkeypatch.setattr(run, 'measured_alone', measured)
    with pytest.raises(KeyboardInterrupt):
        run.run_cases(('parse', 'fetch'), tmp_path / 'figures.json')
    assert [entry['case'] for entry in json.loads((tmp_path / 'figures.json').read_text())] == ['first']


def test_a_case_whose_process_is_killed_is_named(tmp_path: Path) -> None:
    program = (
        'import os, signal\n'
        'from skelreg.bench import run\n'
        'from skelreg.cli import run_tool\n'
        'def dies(name):\n'
        '    os.kill(os.getpid(), signal.SIGKILL)\n'
        "if __name__ == '__main__':\n"
        '    run._measured = dies\n'
        "    raise SystemExit(run_tool(lambda: run.run_cases(('parse',)) and 0))\n"
    )
    (tmp_path / 'program.py').write_text(program)
    command = [sys.executable, str(tmp_path / 'program.py')]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 2 and 'Traceback' not in done.stderr
    assert "'parse' was killed" in done.stderr and 'fix:' in done.stderr
