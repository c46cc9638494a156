"""Fusing the scores of runs, with weights that have never seen the test sequences."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch
from rich.table import Table
from rich.text import Text
from torch import Tensor

from ..errors import ConfigError, DataError, some
from ..functional.fusion import choose_weights, finest_steps, fuse_scores
from .metrics import classification_report
from .scores import Scores

#: What two files must agree in before their scores mean the same.
_SAME = ('dataset', 'split', 'subset', 'checksum', 'synthetic')

Kind = Literal['logits', 'probabilities']


@dataclass(frozen=True)
class Fusion:
    """What came of a fusion.

    Attributes:
        runs: One report (`classification_report`) for each run.
        fused: The report of all together.
        weights: One for each run.
        kind: What was added up.
    """

    runs: list[dict[str, Any]]
    fused: dict[str, Any]
    weights: tuple[float, ...]
    kind: Kind


def fuse(runs: Sequence[Scores], weights: Sequence[float] | None = None, kind: Kind = 'logits') -> Fusion:
    """Add up what several runs say of the same sequences.

    Args:
        runs: In the order of the weights.
        weights: One for each run; None weighs all alike.
        kind: Add the scores as they are ('logits', as the release does), or their softmax.

    Raises:
        ConfigError: If there is not one finite weight for each run, or no weight is above zero.
        DataError: If the runs scored different sequences.
    """
    chosen = tuple(float(weight) for weight in weights or [1 / len(runs)] * len(runs))
    if len(chosen) != len(runs) or not 0 < sum(chosen) < float('inf') or min(chosen) < 0:
        raise ConfigError(
            'fusion takes one weight for each run, none negative and one above zero', got=chosen,
            accepted=f'{len(runs)} weights', where='--weights',
        )
    scores, labels = align(runs, kind)
    return Fusion(
        [classification_report(of_run, labels) for of_run in scores],
        classification_report(fuse_scores(scores, chosen), labels),
        chosen,
        kind,
    )


def align(runs: Sequence[Scores], kind: Kind = 'logits') -> tuple[Tensor, Tensor]:
    """Scores (S, N, classes) and labels (N,) of all runs, in the first one's order of sequences.

    Raises:
        DataError: If they are of other data, other sequences, other classes, or disagree about a label.
    """
    first = runs[0]
    aligned = []
    for run in runs:
        _refuse_other_data(first, run)
        position = {name: row for row, name in enumerate(run.names)}
        rows = torch.tensor([position[name] for name in first.names])
        if not run.labels[rows].equal(first.labels):
            raise DataError('two score files disagree about labels', where=f'{first.where} and {run.where}')
        scores = run.scores[rows]
        aligned.append(scores.softmax(dim=1) if kind == 'probabilities' else scores)
    return torch.stack(aligned), first.labels


def weights_from_held_out(
    held_out: Sequence[Scores], runs: Sequence[Scores], kind: Kind = 'logits'
) -> tuple[float, ...]:
    """Weights that are best on a held-out part of the training split.

    Args:
        held_out: What the same kinds of run, trained without the held-out part, say of it; in the order of
            `runs`.
        runs: What will be fused; only their names, digests and origin are read.
        kind: As `fuse`.

    Raises:
        ConfigError: If the two do not correspond, or the held-out part is not held out: it was tested on,
            shares a sequence with the test, or was trained on.
    """
    if len(held_out) != len(runs):
        raise ConfigError(
            'weights are chosen on one held-out file for each run', got=len(held_out), accepted=len(runs),
            where='--choose-on',
        )
    for held, run in zip(held_out, runs, strict=True):
        _refuse_seen(held, run)
    scores, labels = align(held_out, kind)
    return choose_weights(scores, labels, finest_steps(len(runs)))


def as_json(fusion: Fusion, runs: Sequence[Scores], held_out: Sequence[Scores] = ()) -> dict[str, Any]:
    """All of a fusion, and where every part of it came from."""
    return {
        'fused': fusion.fused,
        'kind': fusion.kind,
        'weights': list(fusion.weights),
        'weights_chosen_on': [_origin(scores) for scores in held_out] or None,
        'runs': [
            {'top1': report['top1'], 'top5': report['top5'], **_origin(scores)}
            for report, scores in zip(fusion.runs, runs, strict=True)
        ],
        'synthetic': runs[0].info['synthetic'],
    }


def _origin(scores: Scores) -> dict[str, Any]:
    return {'file': scores.where, **scores.info}


def as_table(fusion: Fusion, runs: Sequence[Scores]) -> Table:
    """Accuracies of every run and of all together."""
    info = runs[0].info
    data = f'{info["dataset"]} {info["split"]} {info["subset"]}, {len(runs[0].names)} sequences'
    # Names as text, because a table would read square brackets in them as markup.
    title = f'SYNTHETIC data, {data}' if info['synthetic'] else data
    table = Table(title=Text(title, style='table.title'))
    for column in ('run', 'stream', 'weight', 'top-1', 'top-5'):
        table.add_column(column, justify='left' if column in ('run', 'stream') else 'right')
    for scores, weight, report in zip(runs, fusion.weights, fusion.runs, strict=True):
        table.add_row(Text(scores.title), scores.info['stream'], f'{weight:.3g}', *_figures(report))
    table.add_row(f'fused {fusion.kind}', '', '', *_figures(fusion.fused))
    return table


def _figures(report: dict[str, Any]) -> list[str]:
    return ['' if report[key] is None else f'{100 * report[key]:.1f} %' for key in ('top1', 'top5')]


def _refuse_other_data(first: Scores, run: Scores) -> None:
    where = f'{first.where} and {run.where}'
    for key in _SAME:
        if first.info[key] != run.info[key]:
            raise DataError(
                f'the scores are of another {key}', got=f'{run.info[key]!r}', accepted=f'{first.info[key]!r}',
                where=where,
            )
    missing, extra = (sorted(set(a.names) - set(b.names)) for a, b in ((first, run), (run, first)))
    if missing or extra:
        raise DataError(
            'two score files are of different sequences', where=where,
            got=f'{len(missing)} only in the first ({some(missing, 3)}), '
            f'{len(extra)} only in the second ({some(extra, 3)})',
            fix='test all runs with one and the same test_dataloader',
        )
    if first.scores.shape != run.scores.shape:
        raise DataError('two score files have different numbers of classes', where=where,
                        got=run.scores.shape[1], accepted=first.scores.shape[1])


def _refuse_seen(held: Scores, run: Scores) -> None:
    """Refuse held-out scores that could carry the test set, or fitted sequences, into a choice."""
    fix = (
        'train and test the same configs with a held-out split of the card, '
        'train_dataloader.dataset.split=held_out test_dataloader.dataset.split=held_out say; choose on that'
    )
    for key in ('dataset', 'checksum', 'synthetic', 'stream'):
        if held.info[key] != run.info[key]:
            raise ConfigError(
                f'the held-out scores are of another {key} than the run', got=held.info[key],
                accepted=run.info[key], where=f'{held.where} for {run.where}',
            )
    origins = [tuple(scores.info[key] for key in ('split', 'subset')) for scores in (held, run)]
    shared = len(set(held.names) & set(run.names)), len(set(held.digests) & set(run.digests))
    if origins[0] == origins[1] or any(shared):
        raise ConfigError(
            'weights may not be chosen on test sequences',
            got=f'held-out: split {origins[0][0]}, subset {origins[0][1]}, of which {shared[0]} names and '
            f'{shared[1]} recordings are in the test', where=held.where, fix=fix,
        )
    if held.info['train_split'] != held.info['split']:
        raise ConfigError(
            'the held-out sequences may have been trained on',
            got=f"trained on split {held.info['train_split']}, scored on split {held.info['split']}",
            where=held.where, fix=fix,
        )
