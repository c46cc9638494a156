"""From a grid to cells: every step with its options, its folder and the key that tells whether it is done."""

from __future__ import annotations

import hashlib
import json
import re
import shlex
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from mmengine.config import Config

from ..cli import parse_options
from ..datasets.archive import META
from ..datasets.joined import part_configs
from ..engine.files import sha256
from ..errors import ConfigError
from ..parts import DATALOADERS
from ..runner import load_config
from .grid import SEED, Grid, Kind, Step

_TOOLS = {'train': 'tools/train.py', 'test': 'tools/test.py', 'label': 'tools/predict_labels.py'}


@dataclass(frozen=True)
class PlannedStep:
    """One step of one cell.

    Attributes:
        kind: 'train', 'test' or 'label'.
        config: The config file.
        options: Every option of the step, the seed among them.
        source: The step whose last checkpoint it starts from, or whose labels it trains on.
        synthetic: How many synthetic sequences stand in for the data; None for the data themselves.
        folder: Where it works. The key is part of the name, so that a changed step starts afresh.
        key: Hash of the whole config as the step runs it, of the steps that it starts from, and of the data
            and label files that it reads.
    """

    kind: Kind
    config: str
    options: Mapping[str, Any]
    source: PlannedStep | None
    synthetic: int | None
    folder: Path
    key: str

    @property
    def labels(self) -> Path:
        """The file that a step of kind 'label' writes."""
        return self.folder / 'labels.json'

    def command(self, product: str | None) -> list[str]:
        """The arguments of Python that run this step; `product` is what `source` has made."""
        command, options = [_TOOLS[self.kind], self.config], dict(self.options)
        if product is not None and self.source is not None and self.source.kind == 'label':
            options['train_dataloader.dataset.pseudo_labels'] = product
        elif product is not None:
            command += ['--pretrained', product] if self.kind == 'train' else [product]
        command += ['--out', str(self.labels)] if self.kind == 'label' else ['--work-dir', str(self.folder)]
        if self.kind == 'train':
            command.append('--resume')
        if self.synthetic is not None:
            command += ['--synthetic', str(self.synthetic)]
        if options:
            command += ['--cfg-options', *(_option(key, value) for key, value in options.items())]
        return command


@dataclass(frozen=True)
class Cell:
    """The steps of one row with one option set and one seed; seed None where nothing depends on it."""

    row: str
    column: str
    seed: int | None
    steps: tuple[PlannedStep, ...]

    @property
    def name(self) -> str:
        """For people: row, column and seed."""
        return ' · '.join(part for part in (self.row, self.column, _seed_name(self.seed)) if part)


def plan(grid: Grid, work_dir: Path, synthetic: int | None = None) -> list[Cell]:
    """Every cell of a grid, the first seed of all rows before the second of any.

    Raises:
        ConfigError: If a config does not exist, cannot be read or does not take an option; the error names
            the row.
    """
    cells = []
    known: dict[str, PlannedStep] = {}
    for seed in (*grid.seeds, None):
        for row, steps in grid.rows.items():
            trains = any(step.kind == 'train' for step in steps)
            if trains == (seed is None):
                continue
            for column, options in grid.columns.items():
                shared = {**grid.options, **options}
                folder = work_dir.joinpath(*map(_slug, filter(None, (column, row, _seed_name(seed)))))
                with _naming(f'rows.{row}', f'columns.{column}' if column else ''):
                    planned = _plan_steps(steps, shared, seed, folder, synthetic)
                    cells.append(Cell(row, column, seed, _shared(planned, known)))
    return cells


def _plan_steps(
    steps: tuple[Step, ...], shared: Mapping[str, Any], seed: int | None, folder: Path, synthetic: int | None
) -> tuple[PlannedStep, ...]:
    planned: list[PlannedStep] = []
    for number, step in enumerate(steps, 1):
        options = {**shared, **({} if seed is None else {'randomness.seed': seed}), **step.options}
        options = {key: seed if value == SEED else value for key, value in options.items()}
        source = None if step.source is None else planned[step.source]
        key = _key(step, options, source, synthetic)
        name = f'{number}-{step.kind}-{_slug(Path(step.config).stem)}-{key[:8]}'
        planned.append(PlannedStep(step.kind, step.config, options, source, synthetic, folder / name, key))
    return tuple(planned)


def _shared(steps: tuple[PlannedStep, ...], known: dict[str, PlannedStep]) -> tuple[PlannedStep, ...]:
    """The steps, with those training steps replaced that an earlier cell has already planned."""
    found: list[PlannedStep] = []
    for step in steps:
        source = None if step.source is None else found[steps.index(step.source)]
        step = replace(step, source=source)
        found.append(known.setdefault(step.key, step) if step.kind == 'train' else step)
    return tuple(found)


def _key(step: Step, options: dict[str, Any], source: PlannedStep | None, synthetic: int | None) -> str:
    cfg = load_config(step.config, options, synthetic=synthetic)
    if step.kind == 'train' and cfg.get('train_cfg') is None:
        raise ConfigError('a step trains a config that trains nothing', where=step.config, fix='test: CONFIG')
    content = [step.kind, step.config, cfg.to_dict(), None if source is None else source.key]
    labels_are_made = source is not None and source.kind == 'label'
    content += [sha256(path) for path in _data_files(cfg, labels_are_made) if path.is_file()]
    return hashlib.sha256(json.dumps(content, sort_keys=True, default=repr).encode()).hexdigest()


def _data_files(cfg: Config, labels_are_made: bool) -> Iterator[Path]:
    """What the datasets are read from: cards and label files, and what archives note of themselves.

    Args:
        cfg: Of a step.
        labels_are_made: Whether the sweep predicts the step's pseudo-labels, and those of the config are not
            read.
    """
    loaders = [cfg[name] for name in DATALOADERS if cfg.get(name) is not None]
    for part in (part for loader in loaders for part in part_configs(loader.dataset)):
        for key in ('archive', 'dataset', 'label_budget', 'pseudo_labels'):
            value = part.get(key)
            if isinstance(value, str) and not (labels_are_made and key == 'pseudo_labels'):
                yield Path(value, META) if key == 'archive' else Path(value)


@contextmanager
def _naming(*places: str) -> Iterator[None]:
    """Say in which entries of the grid a mistake stands."""
    try:
        yield
    except ConfigError as error:
        where = ', '.join(place for place in (*places, error.where) if place)
        raise ConfigError(
            error.what, got=error.got, accepted=error.accepted, where=where, fix=error.fix
        ) from error


def _option(key: str, value: Any) -> str:
    """KEY=VALUE as the tools read it back: text without quotes unless it would be read as something else."""
    plain = f'{key}={value}'
    return plain if parse_options([plain]) == {key: value} else f'{key}={value!r}'


def _seed_name(seed: int | None) -> str:
    return '' if seed is None else f'seed {seed}'


def _slug(text: str) -> str:
    return re.sub(r'[^\w.-]+', '_', text)


def shown(command: list[str]) -> str:
    """A command as one would type it in the repository's root."""
    return shlex.join(['python', *command])
