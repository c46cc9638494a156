from __future__ import annotations

from pathlib import Path

import pytest

from skelreg.errors import ConfigError
from skelreg.sweep.engines import LocalEngine
from skelreg.sweep.execution import LOG, done, failure, locked, run
from skelreg.sweep.plan import Cell

from .conftest import KNN, LINEAR, MakeCells

CHAIN = f"""
row:
  - {{train: {LINEAR}, options: {{model.report: true}}}}
  - {{test: {KNN}, from: 1}}
"""
FAILING = f"""
broken:
  - {{train: {LINEAR}, options: {{model.fail: true}}}}
  - {{test: {KNN}, from: 1}}
"""


SHARED = f"""
row:
  - {{train: {LINEAR}, options: {{randomness.seed: 7}}}}
  - {{test: {KNN}, from: 1}}
"""


TWO_STAGES = f"""
row:
  - {{train: {LINEAR}}}
  - {{label: {LINEAR}, from: 1}}
  - {{train: {LINEAR}, from: 2, options: {{model.report: true}}}}
"""


def run_all(cells: list[Cell], root: Path, jobs: int = 2) -> list[str]:
    lines: list[str] = []
    run(cells, root, LocalEngine(jobs), lines.append)
    return lines


def starts(cell: Cell, step: int = 0) -> int:
    return (cell.steps[step].folder / LOG).read_text().count('$ python tools/')


def test_steps_run_in_order_and_leave_their_results(root: Path, cells_of: MakeCells) -> None:
    cells = cells_of(CHAIN)
    lines = run_all(cells, root)
    train, test = (done(step) for step in cells[0].steps)
    assert train and test
    assert Path(train['product']).name == 'epoch_1.pth' and train['product'] in test['command']
    assert list(train['results']) == ['linear'] and test['results']['knn1']['top1'] == 0.5
    assert len(lines) == 5 and lines[-1].startswith('[4/4]')


def test_labels_of_one_step_train_the_next(root: Path, cells_of: MakeCells) -> None:
    cell = cells_of(TWO_STAGES)[0]
    lines = run_all([cell], root)
    _, label, retrain = (done(step) for step in cell.steps)
    assert label and retrain and 'FAILED' not in ''.join(lines)
    assert Path(label['product']).read_text() == '{}'
    assert f'train_dataloader.dataset.pseudo_labels={label["product"]}' in retrain['command']
    assert '--pretrained' not in retrain['command']


def test_finished_steps_do_not_run_again(root: Path, cells_of: MakeCells) -> None:
    cells = cells_of(CHAIN)
    run_all(cells[:1], root)
    lines = run_all(cells, root)
    assert '4 steps, 2 finished before' in lines[0] and len(lines) == 3
    assert [starts(cell) for cell in cells] == [1, 1]


def test_a_changed_step_starts_in_a_folder_of_its_own(root: Path, cells_of: MakeCells) -> None:
    before = cells_of(CHAIN)[0]
    run_all([before], root)
    after = cells_of(CHAIN.replace('model.report: true', 'model.report: true, train_cfg.max_epochs: 3'))[0]
    assert [done(step) for step in after.steps] == [None, None]
    assert not {step.folder for step in before.steps} & {step.folder for step in after.steps}


def test_a_failed_step_ends_its_cell_only(root: Path, cells_of: MakeCells) -> None:
    cells = cells_of(FAILING + CHAIN)
    lines = run_all(cells, root)
    broken, whole = cells[0], cells[1]
    record = failure(broken.steps[0])
    assert record and record['status'] == 1 and record['last_lines'][-1] == 'error: it was told to fail'
    assert Path(record['log']).is_file() and not broken.steps[1].folder.exists()
    assert all(done(step) for step in whole.steps)
    assert sum('FAILED: it was told to fail (log: ' in line for line in lines) == 2


def test_a_failed_step_runs_again_and_its_failure_is_forgotten(
    root: Path, cells_of: MakeCells, monkeypatch: pytest.MonkeyPatch
) -> None:
    [cell, _] = cells_of(FAILING)
    run_all([cell], root)
    monkeypatch.setenv('MENDED', '1')
    run_all([cell], root)
    assert failure(cell.steps[0]) is None and all(done(step) for step in cell.steps)


def test_two_steps_of_a_row_may_not_report_one_protocol(root: Path, cells_of: MakeCells) -> None:
    [cell] = cells_of(f'row: [{{test: {KNN}}}, {{test: {KNN}, options: {{test_cfg.vote: distance}}}}]')
    lines = run_all([cell], root)
    assert 'FAILED: an earlier step of the row reports knn1 as well' in lines[-1]


def test_jobs_share_the_cores(
    root: Path, cells_of: MakeCells, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr('os.cpu_count', lambda: 8)
    [cell, _] = cells_of(FAILING)
    run_all([cell], root, jobs=3)
    assert 'threads 2\n' in (cell.steps[0].folder / LOG).read_text()


class Leaving(LocalEngine):
    """A cluster whose machines are away for the first looks at it."""

    looks = 0

    @property
    def slots(self) -> int:
        self.looks += 1
        return int(self.looks > 6)


def test_it_is_told_while_no_step_can_run(
    root: Path, cells_of: MakeCells, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr('skelreg.sweep.execution._SILENT_SECONDS', 0)
    lines: list[str] = []
    [cell, _] = cells_of(FAILING)
    run([cell], root, Leaving(1), lines.append)
    assert lines[1] == 'no step can run; waiting for 1 at a time, ' + lines[0].split(', ')[-1]
    assert 'FAILED' in lines[-1]


def test_a_second_sweep_is_kept_out_of_a_work_dir(tmp_path: Path) -> None:
    with locked(tmp_path), pytest.raises(ConfigError, match='another sweep is at work'), locked(tmp_path):
        pass


def test_a_step_that_cells_share_runs_once(root: Path, cells_of: MakeCells) -> None:
    cells = cells_of(SHARED)
    lines = run_all(cells, root)
    assert lines[0].startswith('3 steps, 0 finished') and lines[-1].startswith('[3/3]') and len(lines) == 4
    assert starts(cells[0]) == 1 and all(done(cell.steps[1]) for cell in cells)
    assert all(list(done(cell.steps[1])['results']) == ['knn1'] for cell in cells)


def test_a_shared_step_that_fails_is_not_tried_again_for_every_cell(root: Path, cells_of: MakeCells) -> None:
    cells = cells_of(SHARED.replace('randomness.seed: 7', 'randomness.seed: 7, model.fail: true'))
    lines = run_all(cells, root)
    assert starts(cells[0]) == 1 and len(lines) == 2 and 'FAILED' in lines[-1]
    assert not any(done(step) for cell in cells for step in cell.steps)
