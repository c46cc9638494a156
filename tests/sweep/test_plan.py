from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from skelreg.cli import parse_options
from skelreg.errors import ConfigError
from skelreg.sweep.grid import Grid, Step
from skelreg.sweep.plan import Cell, plan
from tests.runs import ROOT

from .conftest import KNN, LINEAR


def grid_of(*steps: Step, **entries: Any) -> Grid:
    defaults: dict[str, Any] = {
        'title': 't', 'note': '', 'seeds': (0, 1), 'reference': None, 'metrics': ('knn1/top1',),
        'options': {}, 'columns': {'': {}}, 'rows': {'row': steps},
    }
    return Grid(**{**defaults, **entries})


def planned(*steps: Step, work_dir: str = 'work', **entries: Any) -> list[Cell]:
    return plan(grid_of(*steps, **entries), Path(work_dir))


def test_a_row_that_trains_has_a_cell_for_every_column_and_seed() -> None:
    cells = planned(Step('train', LINEAR), columns={'a': {'model.x': 1}, 'b': {'model.x': 2}})
    assert [(c.column, c.seed) for c in cells] == [('a', 0), ('b', 0), ('a', 1), ('b', 1)]
    assert [c.steps[0].options['randomness.seed'] for c in cells] == [0, 0, 1, 1]


def test_a_row_that_trains_nothing_runs_once_and_without_a_seed() -> None:
    [cell] = planned(Step('test', KNN))
    assert cell.seed is None and 'randomness.seed' not in cell.steps[0].options


def test_the_option_nearest_to_the_step_wins() -> None:
    a, b, c = 'model.a', 'model.b', 'model.c'
    step = Step('test', KNN, options={c: 'step'})
    shared = {a: 'grid', b: 'grid', c: 'grid'}
    [cell] = planned(step, options=shared, columns={'x': {b: 'column', c: 'column'}})
    assert cell.steps[0].options == {a: 'grid', b: 'column', c: 'step'}


def test_keys_follow_the_config_and_not_the_work_dir() -> None:
    [here], [there], [other] = (
        planned(Step('test', KNN)),
        planned(Step('test', KNN), work_dir='elsewhere'),
        planned(Step('test', KNN, options={'test_cfg.vote': 'distance'})),
    )
    assert here.steps[0].key == there.steps[0].key != other.steps[0].key


def test_a_changed_step_changes_those_that_start_from_it() -> None:
    def keys(epochs: int) -> list[str]:
        train = Step('train', LINEAR, options={'train_cfg.max_epochs': epochs})
        cell = planned(train, Step('test', KNN, source=0), Step('test', KNN))[0]
        return [step.key for step in cell.steps]

    assert [before == after for before, after in zip(keys(1), keys(2), strict=True)] == [False, False, True]


@pytest.mark.parametrize('entry', ['archive', 'dataset', 'label_budget', 'pseudo_labels'])
def test_a_step_on_other_data_is_another_step(tmp_path: Path, entry: str) -> None:
    path = tmp_path / 'mine.yaml'
    file = path / 'meta.json' if entry == 'archive' else path
    file.parent.mkdir(exist_ok=True)
    step = Step('train', LINEAR, options={f'train_dataloader.dataset.{entry}': str(path)})
    keys = []
    for content in ('one', 'another', 'one'):
        file.write_text(content)
        keys.append([s.key for s in planned(step, Step('test', KNN, source=0))[0].steps])
    first, other, again = keys
    assert first == again and not set(first) & set(other)


def test_labels_that_the_sweep_predicts_are_no_data_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    names = ('supervised/gru_nucla', 'pseudo_label/gru_nucla_retrain')
    label, retrain = (str(ROOT / 'configs' / f'{name}.py') for name in names)
    steps = (Step('train', label), Step('label', label, source=0), Step('train', retrain, source=1))
    before = planned(*steps)[0].steps[2].key
    Path('labels.json').write_text('of another trial')
    assert planned(*steps)[0].steps[2].key == before
    assert planned(Step('train', retrain))[0].steps[0].key != before


def test_commands_hand_the_checkpoint_to_the_right_tool() -> None:
    cell = planned(Step('train', LINEAR), Step('train', LINEAR, source=0), Step('test', KNN, source=0))[0]
    first, second, test = (step.command('a.pth' if step.source else None) for step in cell.steps)
    assert '--pretrained' not in first and '--resume' in first
    assert second[2:4] == ['--pretrained', 'a.pth']
    assert test[:3] == ['tools/test.py', KNN, 'a.pth'] and '--resume' not in test


@pytest.mark.parametrize('value', ['464-clean', '464', 'True', 464, 0.5, True, None, [1, 2], {'a': 'b'}, ''])
def test_options_reach_the_tool_as_they_are_in_the_grid(value: Any) -> None:
    [cell] = planned(Step('test', KNN, options={'model.x': value}))
    command = cell.steps[0].command(None)
    assert parse_options(command[command.index('--cfg-options') + 1 :]) == {'model.x': value}


def test_a_config_that_trains_nothing_cannot_be_trained() -> None:
    with pytest.raises(ConfigError, match='trains nothing'):
        planned(Step('train', KNN))


def test_an_unknown_config_is_named_before_anything_runs() -> None:
    with pytest.raises(ConfigError, match=r"nothing\.py' does not exist \(rows\.row"):
        planned(Step('test', 'configs/hiclr/nothing.py'))


def test_the_seed_of_a_cell_can_go_into_any_option() -> None:
    cells = planned(Step('train', LINEAR, options={'model.draw': '$seed'}))
    assert [c.steps[0].options['model.draw'] for c in cells] == [0, 1]


def test_a_step_can_have_a_seed_of_its_own() -> None:
    cells = planned(Step('train', LINEAR, options={'randomness.seed': 7}), Step('train', LINEAR, source=0))
    assert [[s.options['randomness.seed'] for s in c.steps] for c in cells] == [[7, 0], [7, 1]]


def test_a_training_step_that_is_the_same_in_several_cells_is_planned_once() -> None:
    shared = Step('train', LINEAR, options={'randomness.seed': 7, 'model.x': 1})
    columns = {'a': {'model.x': 2}, 'b': {'model.x': 3}}
    cells = planned(shared, Step('train', LINEAR, source=0), columns=columns)
    assert len({c.steps[0].folder for c in cells}) == 1 and len({c.steps[1].folder for c in cells}) == 4
    assert all(c.steps[1].source is c.steps[0] is cells[0].steps[0] for c in cells)


def test_tests_are_never_shared() -> None:
    own = {'randomness.seed': 7}
    cells = planned(Step('train', LINEAR, options=own), Step('test', KNN, source=0, options=own))
    assert cells[0].steps[1].key == cells[1].steps[1].key
    assert cells[0].steps[1].folder != cells[1].steps[1].folder
