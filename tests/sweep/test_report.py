from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from skelreg.errors import ConfigError
from skelreg.sweep.engines import LocalEngine
from skelreg.sweep.execution import run
from skelreg.sweep.grid import Axis, Grid
from skelreg.sweep.plan import Cell
from skelreg.sweep.report import Outcome, as_json, as_markdown, as_picture, collect, refuse_to_empty

from .conftest import KNN, MakeCells

GRID = Grid(
    title='Trial',
    note='Tuned on nothing.',
    seeds=(0, 1, 2),
    reference='base',
    options={},
    metrics=('linear/top1', 'knn1/top1'),
    columns={'': {}},
    rows={'base': (), 'ours': (), 'raw': ()},
)


def outcome(
    row: str,
    seed: int | None,
    failure: dict[str, Any] | None = None,
    synthetic: bool = False,
    **figures: float,
) -> Outcome:
    results = {
        protocol: {
            'top1': value,
            'dataset': 'nucla',
            'split': '464',
            'subset': 'test',
            'num_samples': 464,
            'synthetic': synthetic,
            'per_class': [0.1],
        }
        for protocol, value in figures.items()
    }
    return Outcome(Cell(row, '', seed, ()), ['python tools/test.py'], 1.0, results, failure is None, failure)


FAILURE = {
    'status': 1,
    'command': 'c',
    'log': 'work/log.txt',
    'last_lines': ['error: no room', '  fix: more'],
}
OUTCOMES = [
    *(outcome('base', seed, linear=v, knn1=0.5) for seed, v in enumerate((0.60, 0.62, 0.64))),
    outcome('ours', 0, linear=0.63, knn1=0.5),
    outcome('ours', 1, linear=0.66),
    outcome('ours', 2, failure=FAILURE),
    outcome('raw', None, knn1=0.40),
]


def lines_of(outcomes: list[Outcome]) -> list[str]:
    return as_markdown(GRID, outcomes).splitlines()


def test_the_table_holds_means_spreads_and_how_many_seeds() -> None:
    lines = lines_of(OUTCOMES)
    assert '| base | 62.0 ± 2.0 | 50.0 ± 0.0 |' in lines
    assert '| ours | 64.5 ± 2.1 (n = 2) | 50.0 (n = 1) |' in lines  # 3 / sqrt(2) = 2.12
    assert '| raw | – | 40.0 |' in lines


def test_differences_are_paired_by_seed() -> None:
    lines = lines_of(OUTCOMES)
    # 3 and 4 points: 3.5, half-width 12.706 * 0.7071 / sqrt(2) = 6.353
    assert '| ours | +3.5 [-2.9, +9.9] (n = 2) | +0.0 (n = 1) |' in lines
    assert '| raw | – | -10.0 [-10.0, -10.0] (n = 3) |' in lines


def test_what_is_missing_is_named_with_its_reason() -> None:
    lines = lines_of(OUTCOMES)
    assert '- ours · seed 2: failed, `no room` (log: work/log.txt)' in lines
    assert '| base | missing | missing |' in lines_of([outcome('base', 0, failure=FAILURE)])


def test_the_table_says_what_it_was_measured_on() -> None:
    text = as_markdown(GRID, OUTCOMES)
    assert 'nucla 464 test (464 sequences)' in text and 'over seeds 0, 1, 2' in text
    assert text.endswith('Tuned on nothing.\n') and 'synthetic' not in text
    assert '**Made with synthetic data.**' in lines_of([outcome('raw', None, synthetic=True, knn1=0.4)])


def test_json_keeps_the_numbers_and_commands_of_every_cell() -> None:
    cells = as_json(GRID, OUTCOMES)['cells']
    assert cells[0]['results']['linear']['top1'] == 0.60 and cells[0]['commands'] == ['python tools/test.py']
    assert 'per_class' not in cells[0]['results']['linear']
    assert cells[5]['failure'] == FAILURE and not cells[5]['complete']


def test_outcomes_are_read_from_the_folders_of_the_steps(root: Path, cells_of: MakeCells) -> None:
    cells = cells_of(f'raw: [{{test: {KNN}}}]')
    [before] = collect(cells)
    run(cells, root, LocalEngine(1), lambda line: None)
    [after] = collect(cells)
    assert not before.is_whole and before.results == {}
    assert after.is_whole and after.results['knn1']['top1'] == 0.5 and len(after.commands) == 1


def test_the_picture_names_rows_metrics_and_means() -> None:
    pytest.importorskip('matplotlib')
    synthetic = [*OUTCOMES, outcome('raw', None, synthetic=True, linear=0.2)]
    pictures = [as_picture(GRID, outcomes) for outcomes in (OUTCOMES, OUTCOMES, synthetic, [])]
    texts = [re.findall('<!-- (.*) -->', picture) for picture in pictures]
    expected = {'Trial', 'base', 'ours', 'raw', 'linear/top1', 'knn1/top1', '62.0', '64.5', '40.0'}
    assert expected <= set(texts[0])
    assert pictures[0] == pictures[1] and 'Trial (synthetic data)' in texts[2]
    assert 'base' in texts[3]  # nothing measured yet: the rows stand there all the same


def test_a_grid_with_an_axis_is_drawn_as_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip('matplotlib')
    drawn: list[Any] = []
    monkeypatch.setattr('skelreg.sweep.report.line_plot', lambda *args: drawn.append(args) or 'svg')
    assert as_picture(replace(GRID, axis=Axis('labels', (5, 40))), OUTCOMES) == 'svg'
    [(panels, title, xlabel, _)] = drawn
    assert (title, xlabel) == ('Trial', 'labels')
    assert panels['']['raw'] == [(40, 40.0, None)]
    (x, mean, half), (_, other, none) = panels['']['ours']
    assert (x, none) == (5, None) and (mean, other) == pytest.approx((64.5, 50.0))
    assert half == pytest.approx(19.06, abs=1e-2)  # 12.706 * 2.1213 / sqrt(2)


@pytest.mark.parametrize('content', ['', '[]', '{"cells": []}', '{"cells": [{"results": {}}]}'])
def test_what_holds_no_figures_may_be_replaced_by_a_table_of_nothing(tmp_path: Path, content: str) -> None:
    refuse_to_empty(tmp_path / 'results.json', [], tmp_path)
    (tmp_path / 'results.json').write_text(content)
    refuse_to_empty(tmp_path / 'results.json', [outcome('ours', 0)], tmp_path)


def test_figures_may_be_replaced_by_figures_only(tmp_path: Path) -> None:
    (tmp_path / 'results.json').write_text(json.dumps(as_json(GRID, OUTCOMES)))
    refuse_to_empty(tmp_path / 'results.json', OUTCOMES[:1], tmp_path)
    with pytest.raises(ConfigError, match='nothing is finished in work, and these results would be lost'):
        refuse_to_empty(tmp_path / 'results.json', [outcome('ours', 0)], Path('work'))
