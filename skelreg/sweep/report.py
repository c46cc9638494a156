"""What a sweep found: the table for people, and every number with its commands for programs."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import ConfigError
from ..report.figures import dot_plot, line_plot
from .execution import done, failure, gist
from .grid import Grid
from .plan import Cell
from .statistics import paired_differences, summarise

MISSING, NOT_MEASURED = 'missing', '–'


@dataclass(frozen=True)
class Outcome:
    """How far a cell came.

    Attributes:
        cell: The cell.
        commands: Of its finished steps.
        seconds: That those took.
        results: Protocol -> result file.
        is_whole: Whether all its steps are finished.
        failure: Record of the step that failed, if its latest run did.
    """

    cell: Cell
    commands: list[str]
    seconds: float
    results: dict[str, dict[str, Any]]
    is_whole: bool
    failure: dict[str, Any] | None


def collect(cells: Iterable[Cell]) -> list[Outcome]:
    """Read what the steps of every cell have left behind."""
    outcomes = []
    for cell in cells:
        records = [record for step in cell.steps if (record := done(step)) is not None]
        failures = [record for step in cell.steps if (record := failure(step)) is not None]
        outcomes.append(
            Outcome(
                cell,
                [record['command'] for record in records],
                sum(record['seconds'] for record in records),
                {name: result for record in records for name, result in record['results'].items()},
                len(records) == len(cell.steps),
                failures[0] if failures else None,
            )
        )
    return outcomes


def refuse_to_empty(path: Path, outcomes: Iterable[Outcome], work_dir: Path) -> None:
    """Keep a results.json with figures from being replaced by one without any.

    Raises:
        ConfigError: If no cell has results and the file has some.
    """
    if not any(outcome.results for outcome in outcomes) and _has_figures(path):
        raise ConfigError(
            f'nothing is finished in {work_dir}, and these results would be lost', where=str(path),
            fix='name the --work-dir that they were made in, or write elsewhere with --out FOLDER; what was '
            'finished with another config, or on other data, does not count',
        )


def _has_figures(path: Path) -> bool:
    try:
        return any(cell['results'] for cell in json.loads(path.read_text('utf-8'))['cells'])
    except (OSError, ValueError, KeyError, TypeError):  # it is not there, or no sweep wrote it
        return False


def as_json(grid: Grid, outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """Everything a table was made from; what is per class stays with the checkpoints."""
    return {
        'title': grid.title,
        'note': grid.note,
        'seeds': list(grid.seeds),
        'reference': grid.reference,
        'metrics': list(grid.metrics),
        'synthetic': _is_synthetic(outcomes),
        'cells': [
            {
                'row': o.cell.row,
                'column': o.cell.column,
                'seed': o.cell.seed,
                'complete': o.is_whole,
                'results': {
                    name: {key: value for key, value in result.items() if not isinstance(value, list)}
                    for name, result in o.results.items()
                },
                'commands': o.commands,
                'seconds': round(o.seconds, 1),
                'failure': o.failure,
            }
            for o in outcomes
        ],
    }


def as_markdown(grid: Grid, outcomes: Sequence[Outcome]) -> str:
    """The table, the differences to the reference, what is missing, and what the numbers are."""
    parts = [f'# {grid.title}', *(['**Made with synthetic data.**'] if _is_synthetic(outcomes) else [])]
    parts += [_means(grid, outcomes), _how(grid, outcomes)]
    if grid.reference is not None:
        parts += [
            f'Difference to {grid.reference} in points, paired by seed, with its 95 % t-interval '
            '(none for fewer than 2 pairs):',
            _differences(grid, outcomes, grid.reference),
        ]
    gaps = [_gap(outcome) for outcome in outcomes if not outcome.is_whole]
    if gaps:
        parts.append('\n'.join(['Missing:', '', *gaps]))
    if grid.note:
        parts.append(grid.note)
    return '\n\n'.join(parts) + '\n'


def as_picture(grid: Grid, outcomes: Sequence[Outcome]) -> str:
    """The table as SVG: means with their intervals, a panel for each of its columns, with every seed.

    A grid with an axis is drawn as lines over it, a panel for each set of options.

    Raises:
        ConfigError: If matplotlib is missing.
    """
    title = f'{grid.title} (synthetic data)' if _is_synthetic(outcomes) else grid.title
    if grid.axis is not None:
        curves = {
            column: {row: _curve(grid, outcomes, row, column) for row in grid.rows} for column in grid.columns
        }
        figure = grid.metrics[0].split('/')[1]
        return line_plot(curves, title, grid.axis.name, f'{figure} (%): mean, 95 % t-interval')
    panels: dict[str, dict[str, list[float]]] = {}
    intervals: dict[str, dict[str, float]] = {}
    for column, metric in _places(grid):
        name = f'{column} {metric}'.strip()
        panels[name], intervals[name] = {}, {}
        for row in grid.rows:
            values = [100 * value for value in _values(outcomes, row, column, metric).values()]
            panels[name][row] = values
            half = summarise(values).interval if values else None
            if half is not None:
                intervals[name][row] = half
    return dot_plot(panels, intervals, title, '%: mean, 95 % t-interval, seeds', bounds=(0, 100))


def _curve(
    grid: Grid, outcomes: Sequence[Outcome], row: str, column: str
) -> list[tuple[float, float, float | None]]:
    """(place on the axis, mean, half its interval) of every metric that the row has."""
    assert grid.axis is not None
    points = []
    for place, metric in zip(grid.axis.at, grid.metrics, strict=True):
        values = [100 * value for value in _values(outcomes, row, column, metric).values()]
        if values:
            summary = summarise(values)
            points.append((place, summary.mean, summary.interval))
    return points


def _places(grid: Grid) -> list[tuple[str, str]]:
    """(column, metric) from left to right."""
    return [(column, metric) for column in grid.columns for metric in grid.metrics]


def _how(grid: Grid, outcomes: Sequence[Outcome]) -> str:
    sets = sorted(
        {
            f'{result["dataset"]} {result["split"]} {result["subset"]} ({result["num_samples"]} sequences)'
            for outcome in outcomes
            for result in outcome.results.values()
        }
    )
    return (
        f'In %, mean ± sample standard deviation over seeds {", ".join(map(str, grid.seeds))} '
        '(n where fewer); a row that trains nothing runs once and has no spread. '
        'Every number is that of the last checkpoint. '
        f'Evaluated on: {"; ".join(sets) or "nothing yet"}.'
    )


def _means(grid: Grid, outcomes: Sequence[Outcome]) -> str:
    def entry(row: str, column: str, metric: str) -> str:
        values = _values(outcomes, row, column, metric)
        if not values:
            return _why_empty(outcomes, row, column)
        summary = summarise([100 * value for value in values.values()])
        text = f'{summary.mean:.1f}' + ('' if summary.spread is None else f' ± {summary.spread:.1f}')
        whole = None in values or summary.n == len(grid.seeds)
        return text if whole else f'{text} (n = {summary.n})'

    return _table(grid, list(grid.rows), entry)


def _differences(grid: Grid, outcomes: Sequence[Outcome], reference: str) -> str:
    def entry(row: str, column: str, metric: str) -> str:
        values = _values(outcomes, row, column, metric)
        differences = paired_differences(values, _values(outcomes, reference, column, metric))
        if not differences:
            return _why_empty(outcomes, row, column)
        summary = summarise([100 * difference for difference in differences])
        mean, half = summary.mean, summary.interval
        interval = '' if half is None else f' [{mean - half:+.1f}, {mean + half:+.1f}]'
        return f'{mean:+.1f}{interval} (n = {summary.n})'

    return _table(grid, [row for row in grid.rows if row != reference], entry)


def _table(grid: Grid, rows: list[str], entry: Callable[[str, str, str], str]) -> str:
    places = _places(grid)
    lines = [['', *(f'{column} {metric}'.strip() for column, metric in places)]]
    lines.append(['---', *('---:' for _ in places)])
    lines += [[row, *(entry(row, column, metric) for column, metric in places)] for row in rows]
    return '\n'.join(f'| {" | ".join(line)} |' for line in lines)


def _values(outcomes: Sequence[Outcome], row: str, column: str, metric: str) -> dict[int | None, float]:
    """Seed -> figure, for the cells that have it."""
    protocol, figure = metric.split('/')
    found = {
        o.cell.seed: o.results[protocol][figure]
        for o in outcomes
        if (o.cell.row, o.cell.column) == (row, column) and protocol in o.results
    }
    return {seed: value for seed, value in found.items() if value is not None}


def _why_empty(outcomes: Sequence[Outcome], row: str, column: str) -> str:
    whole = all(o.is_whole for o in outcomes if (o.cell.row, o.cell.column) == (row, column))
    return NOT_MEASURED if whole else MISSING


def _gap(outcome: Outcome) -> str:
    if outcome.failure is None:
        return f'- {outcome.cell.name}: not run to its end'
    what = gist(outcome.failure['last_lines'])
    return f'- {outcome.cell.name}: failed, `{what}` (log: {outcome.failure["log"]})'


def _is_synthetic(outcomes: Sequence[Outcome]) -> bool:
    return any(result['synthetic'] for outcome in outcomes for result in outcome.results.values())
