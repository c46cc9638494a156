"""The grid file: which rows, option sets and seeds a sweep runs.

```yaml
title: Pretraining on Northwestern-UCLA
note: What was tuned, and on what.       # optional, printed below the table
seeds: [0, 1, 2]                         # each goes in as randomness.seed, unless a step sets its own
reference: SkeletonCLR                   # optional: the row that the others are compared with, seed by seed
metrics: [linear/top1, knn1/top1]        # <protocol>/<figure> of the result files
options: {train_dataloader.batch_size: 32}   # optional: config options of every step
columns:                                 # optional: option sets, shown side by side
  464-clean: {test_dataloader.dataset.split: 464-clean}
rows:                                    # name -> steps, run one after another
  SkeletonCLR:
    - {train: configs/skeletonclr/stgcn_nucla.py}
    - {train: configs/hiclr/stgcn_nucla_linear.py, from: 1}   # --pretrained: the last checkpoint of step 1
    - {test: configs/hiclr/stgcn_nucla_knn.py, from: 1, options: {test_cfg.vote: distance}}
  raw coordinates:
    - {test: configs/raw/nucla_knn.py}   # a row that trains nothing does not depend on the seed: it runs once
  fine-tuned:
    - {train: configs/hiclr/stgcn_nucla.py, options: {randomness.seed: 0}}   # one encoder for all seeds
    - train: configs/hiclr/stgcn_nucla_semi.py
      from: 1
      options: {train_dataloader.dataset.label_budget.seed: $seed}           # the cell's own seed
  pseudo-labels:
    - {train: configs/supervised/gru_nucla.py}
    - {label: configs/supervised/gru_nucla.py, from: 1}       # tools/predict_labels.py
    - {train: configs/pseudo_label/gru_nucla_retrain.py, from: 2}   # trains on the labels of step 2
```

Metrics that are one figure at several places may have an axis, and are then drawn as lines over it:
`metrics: [semi5/top1, semi40/top1]` with `axis: {name: labels a class, at: [5, 40]}`.

Where options meet, those of a step go before those of its column, and these before those of the grid.
Training steps that are the same in several cells, source and all, run once.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, NoReturn

from ..errors import ConfigError, closest
from ..plain_yaml import load_yaml

#: Figures of a result file that a table can show, all of them fractions of one.
FIGURES = ('top1', 'top5', 'mean_class')

#: As the value of an option: the seed of the cell.
SEED = '$seed'

_KEYS = ('title', 'note', 'seeds', 'reference', 'metrics', 'axis', 'options', 'columns', 'rows')
_REQUIRED = ('seeds', 'metrics', 'rows')
Kind = Literal['train', 'test', 'label']
_KINDS: tuple[Kind, ...] = ('train', 'test', 'label')
_STEP_KEYS = (*_KINDS, 'from', 'options')
#: Numbers for a person, 1e-3 say; to YAML they are text unless they have a point and a signed exponent.
_LOOKS_LIKE_A_NUMBER = re.compile(r'[-+]?\d+(\.\d*)?[eE][-+]?\d+')


@dataclass(frozen=True)
class Step:
    """One call of tools/train.py, tools/test.py or tools/predict_labels.py.

    Attributes:
        kind: Which of the tools.
        config: Its config file.
        source: Position, from 0, of the step of the same row whose last checkpoint it starts from, or whose
            labels it trains on.
        options: Dotted config key -> value.
    """

    kind: Kind
    config: str
    source: int | None = None
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Axis:
    """What distinguishes the metrics of a grid, where that is a number.

    Attributes:
        name: For people, with the unit.
        at: A number for each metric.
    """

    name: str
    at: tuple[float, ...]


@dataclass(frozen=True)
class Grid:
    """A grid file as it was read; see the module for the meaning of each entry."""

    title: str
    note: str
    seeds: tuple[int, ...]
    reference: str | None
    metrics: tuple[str, ...]
    options: Mapping[str, Any]
    columns: Mapping[str, Mapping[str, Any]]
    rows: Mapping[str, tuple[Step, ...]]
    axis: Axis | None = None


def load_grid(path: str | Path) -> Grid:
    """Read and check a grid file.

    Raises:
        ConfigError: If the file is missing, is no YAML, has a key twice, or an entry is not what it must be;
            the error names the key.
    """
    path = Path(path)
    if not path.is_file():
        raise ConfigError(f"there is no grid file '{path}'", fix='for the format, see skelreg/sweep/grid.py')
    try:
        content = load_yaml(path.read_text('utf-8'))
    except ValueError as error:
        raise ConfigError('the grid file cannot be read', got=str(error), where=str(path)) from error
    return _Reader(str(path)).grid(content)


class _Reader:
    """Checks the parts of one grid file; every complaint names the file and the key."""

    def __init__(self, path: str) -> None:
        self._path = path

    def grid(self, content: Any) -> Grid:
        entries = self._mapping(content, 'the file', _KEYS)
        for key in _REQUIRED:
            if not entries.get(key):
                self._refuse(key, 'is missing or empty', got=entries.get(key))
        rows = {
            name: self._steps(steps, f'rows.{name}')
            for name, steps in self._named(entries['rows'], 'rows').items()
        }
        columns = {
            name: self._options(options, f'columns.{name}')
            for name, options in self._named(entries.get('columns'), 'columns').items()
        }
        reference = entries.get('reference')
        if reference is not None and str(reference) not in rows:
            self._refuse('reference', f"names no row: '{reference}'", accepted=closest(reference, rows))
        metrics = self._metrics(entries['metrics'])
        return Grid(
            title=str(entries.get('title') or Path(self._path).parent.name),
            note=str(entries.get('note') or '').strip(),
            seeds=self._seeds(entries['seeds']),
            reference=None if reference is None else str(reference),
            metrics=metrics,
            axis=self._axis(entries.get('axis'), metrics),
            options=self._options(entries.get('options'), 'options'),
            columns=columns or {'': {}},
            rows=rows,
        )

    def _seeds(self, seeds: Any) -> tuple[int, ...]:
        fine = isinstance(seeds, list) and all(type(seed) is int and seed >= 0 for seed in seeds)
        if not fine or len(set(seeds)) < len(seeds):
            self._refuse('seeds', 'must be different whole numbers', got=seeds, accepted='[0, 1, 2]')
        return tuple(seeds)

    def _metrics(self, metrics: Any) -> tuple[str, ...]:
        if not isinstance(metrics, list) or not all(
            isinstance(m, str) and m.count('/') == 1 and m.split('/')[1] in FIGURES for m in metrics
        ):
            self._refuse(
                'metrics',
                'must be a list of <protocol>/<figure>',
                got=metrics,
                accepted=f'[linear/top1, knn1/top1]; figures: {", ".join(FIGURES)}',
            )
        return tuple(metrics)

    def _axis(self, axis: Any, metrics: tuple[str, ...]) -> Axis | None:
        if axis is None:
            return None
        entries = self._mapping(axis, 'axis', ('name', 'at'))
        at: Any = entries.get('at')
        numbers = isinstance(at, list) and all(type(number) in (int, float) for number in at)
        if not entries.get('name') or not numbers or len(at) != len(metrics):
            self._refuse(
                'axis',
                'must have a name and a number for each metric',
                got=axis,
                accepted=f'{{name: labels a class, at: [{len(metrics)} numbers]}}',
            )
        if len(set(at)) < len(at) or list(at) != sorted(at):
            self._refuse('axis.at', 'must rise', got=at)
        if len({metric.split('/')[1] for metric in metrics}) > 1:
            self._refuse('axis', 'joins metrics of different figures', got=list(metrics))
        return Axis(str(entries['name']), tuple(at))

    def _steps(self, steps: Any, key: str) -> tuple[Step, ...]:
        if not isinstance(steps, list) or not steps:
            self._refuse(key, 'must be a list of steps', got=steps, accepted='[{train: CONFIG}, ...]')
        kinds: list[str] = []
        checked = []
        for position, entry in enumerate(steps):
            checked.append(self._step(entry, f'{key}[{position}]', kinds))
            kinds.append(checked[-1].kind)
        return tuple(checked)

    def _step(self, entry: Any, key: str, earlier: list[str]) -> Step:
        entries = self._mapping(entry, key, _STEP_KEYS)
        named: list[Kind] = [kind for kind in _KINDS if kind in entries]
        if len(named) != 1 or not isinstance(entries[named[0]], str):
            self._refuse(
                key, 'must train, test or label with one config', got=entry, accepted='{train: CONFIG}'
            )
        [kind] = named
        source = entries.get('from')
        useful = ('train', 'label') if kind == 'train' else ('train',)
        possible = [number for number, other in enumerate(earlier, 1) if other in useful]
        if source not in possible and (source is not None or kind == 'label'):
            self._refuse(
                f'{key}.from', f'must be the number of an earlier step to {" or ".join(useful)}', got=source,
                accepted=', '.join(map(str, possible)) or 'nothing here: the row has none before this step',
            )
        return Step(
            kind=kind,
            config=entries[kind],
            source=None if source is None else source - 1,
            options=self._options(entries.get('options'), f'{key}.options'),
        )

    def _named(self, value: Any, key: str) -> dict[str, Any]:
        """A mapping whose keys are names; YAML makes numbers of some."""
        entries: dict[str, Any] = {}
        for name, entry in self._mapping(value, key).items():
            if str(name) in entries:
                self._refuse(key, f"has the name '{name}' twice")
            entries[str(name)] = entry
        return entries

    def _options(self, value: Any, key: str) -> dict[str, Any]:
        """Config options; numbers that YAML reads as text are refused."""
        options = self._mapping(value, key)
        for text in _texts(options):
            if _LOOKS_LIKE_A_NUMBER.fullmatch(text):
                self._refuse(
                    key, 'has a number that YAML reads as text', got=text,
                    accepted='1.0e-3: with a point, and a sign before the exponent',
                )
        return options

    def _mapping(self, value: Any, key: str, accepted: tuple[str, ...] | None = None) -> dict[Any, Any]:
        """A mapping, {} for None, with no key but the accepted ones."""
        if value is None:
            return {}
        if not isinstance(value, dict):
            self._refuse(key, 'must be a mapping', got=value)
        for name in value:
            if accepted is not None and name not in accepted:
                self._refuse(key, f"has the unknown key '{name}'", accepted=closest(str(name), accepted))
        return value

    def _refuse(self, key: str, problem: str, got: Any = None, accepted: Any = None) -> NoReturn:
        raise ConfigError(f'{key} {problem}', got=got, accepted=accepted, where=self._path)


def _texts(value: Any) -> Iterator[str]:
    """Every text among the values of nested mappings and lists."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for part in value.values() if isinstance(value, dict) else value:
            yield from _texts(part)
