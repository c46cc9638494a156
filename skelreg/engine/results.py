"""One file per evaluated checkpoint and protocol, one schema for all."""

from __future__ import annotations

import json
import platform
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import mmengine
import torch

from .. import __version__
from ..errors import ConfigError
from .files import sha256, write_json

#: What every result holds, see `make_result`.
SCHEMA = (
    'protocol', 'top1', 'top5', 'mean_class', 'per_class', 'confusion', 'class_names', 'counts',
    'num_samples', 'dataset', 'split', 'subset', 'label_budget', 'synthetic', 'seed', 'config', 'checkpoint',
    'checkpoint_sha256', 'versions', 'date',
)
#: What two results of one checkpoint and protocol share if the later one may take the place of the earlier.
_SUBJECT = ('dataset', 'split', 'subset', 'label_budget', 'synthetic', 'config')


def make_result(
    report: Mapping[str, Any],
    *,
    protocol: str,
    dataset: Any,
    checkpoint: str | Path | None,
    config: str | None,
    seed: int | None,
    label_budget: Mapping[str, Any] | Sequence[Any] | str | None = None,
) -> dict[str, Any]:
    """Put a report beside all that is needed to say where it came from.

    Args:
        report: From `ClassificationMetric.last_result`, or an entry of `KNNTestLoop.reports`.
        protocol: 'linear', 'knn1', 'knn5', 'finetune', ...
        dataset: The dataset that was evaluated on; its metainfo names dataset, split and subset.
        checkpoint: The file that was evaluated; None for a random encoder.
        config: Path of the config.
        seed: Seed of the run.
        label_budget: Which training sequences were labelled, as the config has it; None for all. A list has
            one for each of several joined sets.
    Returns:
        top1, top5 (or None), mean_class: fractions of one. per_class: a fraction, or None without samples,
        per class. confusion: rows the truth, columns the prediction. class_names, counts: per class, in
        the same order. num_samples. dataset, split, subset: names. label_budget. synthetic: whether the data
        were generated. seed, config, checkpoint, checkpoint_sha256. versions: of skelreg, torch, ...
        date: ISO 8601, UTC. protocol.
    """
    info = dataset.metainfo
    return {
        'protocol': protocol,
        **report,
        'class_names': list(dataset.class_names),
        'dataset': info.get('dataset'),
        'split': info.get('split'),
        'subset': info.get('subset'),
        'label_budget': dict(label_budget) if isinstance(label_budget, Mapping) else label_budget,
        'synthetic': bool(dataset.is_synthetic),
        'seed': seed,
        'config': config,
        'checkpoint': None if checkpoint is None else _shown(Path(checkpoint)),
        'checkpoint_sha256': None if checkpoint is None else sha256(Path(checkpoint)),
        'versions': {
            'skelreg': __version__,
            'torch': torch.__version__,
            'mmengine': mmengine.__version__,
            'python': platform.python_version(),
        },
        'date': datetime.now(UTC).isoformat(timespec='seconds'),
    }


def result_path(checkpoint: str | Path, protocol: str) -> Path:
    """`epoch_56.pth` with protocol 'linear' -> `epoch_56.linear.json`, beside it."""
    checkpoint = Path(checkpoint)
    return checkpoint.with_name(f'{checkpoint.stem}.{protocol}.json')


def other_result(path: str | Path, result: Mapping[str, Any]) -> dict[str, Any] | None:
    """The result that stands at a path, if it is of other data or of another config than a new one."""
    try:
        found = json.loads(Path(path).read_text('utf-8'))
    except (OSError, ValueError):
        return None
    if not isinstance(found, dict) or 'date' not in found or _subject(found) == _subject(result):
        return None
    return found


def _subject(result: Mapping[str, Any]) -> dict[str, Any]:
    facts = json.loads(json.dumps({name: result.get(name) for name in _SUBJECT}))
    return {**facts, 'config': facts['config'] and str(Path(facts['config']).absolute())}


def write_result(path: str | Path, result: Mapping[str, Any]) -> Path:
    """Write a result whole or not at all.

    Raises:
        ConfigError: If it lacks or exceeds the schema, or an accuracy is no fraction of one.
    """
    odd = sorted(set(SCHEMA) ^ set(result))
    if odd:
        raise ConfigError(
            'a result does not have the one schema', got=f'missing or unknown: {", ".join(odd)}',
            accepted=', '.join(SCHEMA), where=str(path),
        )
    for name in ('top1', 'top5', 'mean_class'):
        value = result[name]
        if value is not None and not 0 <= value <= 1:
            raise ConfigError(f'{name} must be a fraction of one', got=value, where=str(path))
    write_json(Path(path), {name: result[name] for name in SCHEMA})
    return Path(path)


def _shown(path: Path) -> str:
    """Relative to the current folder where it lies inside, so that committed results name no machine."""
    path, here = path.absolute(), Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)
