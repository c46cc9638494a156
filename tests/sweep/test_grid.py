from __future__ import annotations

import re
from pathlib import Path

import pytest

from skelreg.errors import ConfigError
from skelreg.sweep import grid as module
from skelreg.sweep.grid import Step, load_grid

ROOT = Path(__file__).parents[2]
MINIMAL = """
seeds: [0]
metrics: [knn1/top1]
rows:
  raw: [{test: knn.py}]
"""


def load(tmp_path: Path, text: str) -> module.Grid:
    path = tmp_path / 'grid.yaml'
    path.write_text(text)
    return load_grid(path)


def test_the_documented_example_is_a_grid(tmp_path: Path) -> None:
    example = re.search(r'```yaml\n(.*?)```', module.__doc__ or '', re.DOTALL)
    assert example
    grid = load(tmp_path, example[1])
    assert grid.reference == 'SkeletonCLR' and list(grid.columns) == ['464-clean']
    assert grid.rows['SkeletonCLR'][2] == Step(
        'test', 'configs/hiclr/stgcn_nucla_knn.py', source=0, options={'test_cfg.vote': 'distance'}
    )


def test_a_grid_needs_seeds_metrics_and_rows_only(tmp_path: Path) -> None:
    grid = load(tmp_path, MINIMAL)
    assert grid.columns == {'': {}} and grid.reference is None and grid.options == {}


def test_an_axis_has_a_place_for_every_metric(tmp_path: Path) -> None:
    grid = load(tmp_path, MINIMAL + 'axis: {name: keys, at: [0.5]}')
    assert grid.axis == module.Axis('keys', (0.5,))


@pytest.mark.parametrize('path', sorted(ROOT.glob('results/*/grid.yaml')), ids=lambda path: path.parent.name)
def test_every_grid_of_the_repository_can_be_read(path: Path) -> None:
    for step in (step for steps in load_grid(path).rows.values() for step in steps):
        assert (ROOT / step.config).is_file()


@pytest.mark.parametrize(
    ('old', 'new', 'message'),
    [
        ('seeds: [0]', 'seeds: [0]\nseeds: [1]', "the key 'seeds' stands twice"),
        ('[{test: knn.py}]', "[{test: a.py}]\n  1: [{test: a.py}]\n  '1': [{test: a.py}]", "name '1' twice"),
        ('seeds: [0]', "seeds: [0]\ncolumns: {1: {}, '1': {}}", "columns has the name '1' twice"),
        ('seeds: [0]', 'seeds: [0]\noptions: {model.x: 1e-3}', 'options has a number that YAML reads'),
        ('seeds: [0]', 'seeds: [0]\ncolumns: {a: {model.x: [{y: 1.5E3}]}}', 'columns.a has(.|\n)*got: 1.5E3'),
        ('knn.py}', 'knn.py, options: {model.x: -2e+4}}', r'rows.raw\[0\].options has a number that YAML'),
        ('seeds: [0]', '', 'seeds is missing'),
        ('seeds: [0]', 'seeds: [0, 0]', 'seeds must be different whole numbers'),
        ('seeds: [0]', 'seeds: [true]', 'seeds must be different whole numbers'),
        ('seeds: [0]', 'seeds: [0]\nrow: 1', "unknown key 'row'(.|\n)*Closest: rows"),
        ('knn1/top1', 'knn1', 'metrics must be a list'),
        ('knn1/top1', 'knn1/top2', 'metrics must be a list(.|\n)*mean_class'),
        ('seeds: [0]', 'seeds: [0]\nreference: rwa', "reference names no row: 'rwa'(.|\n)*Closest: raw"),
        ('seeds: [0]', 'seeds: [0]\ncolumns: {a: 1}', 'columns.a must be a mapping'),
        ('[{test: knn.py}]', '{test: knn.py}', 'rows.raw must be a list of steps'),
        ('[{test: knn.py}]', '[{test: a.py, train: b.py}]', r'rows.raw\[0\] must train, test or label with'),
        ('[{test: knn.py}]', '[{test: a.py, option: {}}]', r"rows.raw\[0\] has the unknown key 'option'"),
        ('[{test: knn.py}]', '[{test: a.py, from: 1}]', r'rows.raw\[0\].from must be the number'),
        ('[{test: knn.py}]', '[{label: a.py}]', r'rows.raw\[0\].from must be the number of .* step to train'),
        ('[{test: knn.py}]', '[{train: a.py}, {label: b.py, from: 1}, {test: c.py, from: 2}]', 'accepted: 1'),
        ('[{test: knn.py}]', '[{train: a.py}, {test: b.py}, {test: c.py, from: 2}]', 'accepted: 1'),
        ('[{test: knn.py}]', '[', 'the grid file cannot be read'),
        (
            'seeds: [0]',
            'seeds: [0]\naxis: {name: n, at: [1, 2]}',
            'axis must have a name and a number for each',
        ),
        ('seeds: [0]', 'seeds: [0]\naxis: {at: [1]}', 'axis must have a name'),
        ('[knn1/top1]', '[knn1/top1, knn5/top1]\naxis: {name: n, at: [2, 1]}', 'axis.at must rise'),
        (
            '[knn1/top1]',
            '[knn1/top1, knn5/top5]\naxis: {name: n, at: [1, 2]}',
            'metrics of different figures',
        ),
    ],
)
def test_a_mistake_is_named_by_its_key(tmp_path: Path, old: str, new: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        load(tmp_path, MINIMAL.replace(old, new))


def test_numbers_that_yaml_reads_are_taken(tmp_path: Path) -> None:
    grid = load(tmp_path, MINIMAL + 'options: {a: 1.0e-3, b: -2.5e+4, c: .5, d: 464-clean, e: 1e, f: e5}')
    assert list(grid.options.values()) == [0.001, -25000.0, 0.5, '464-clean', '1e', 'e5']


def test_names_may_be_numbers(tmp_path: Path) -> None:
    grid = load(tmp_path, MINIMAL.replace('raw', '464') + 'reference: 464')
    assert list(grid.rows) == ['464'] and grid.reference == '464'


def test_a_grid_that_is_not_there_is_a_config_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match='there is no grid file'):
        load_grid(tmp_path / 'grid.yaml')
