"""Labels that a model predicted for unlabelled training sequences, kept in a file and trained on later."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..durable import replace_file
from ..errors import DataError

FORMAT = 'skelreg-pseudo-labels-1'

Labels = NDArray[np.int64]


def write_pseudo_labels(path: str | Path, labels: Mapping[str, int], source: Mapping[str, Any]) -> Path:
    """Write predicted labels as JSON, whole or not at all.

    Args:
        path: The file.
        labels: Name of a sequence -> predicted class.
        source: `dataset`, `split` and `subset` that the sequences are of; more is kept for whoever reads it.

    Raises:
        DataError: If the disk is full.
    """
    content = {'format': FORMAT, **source, 'labels': dict(sorted(labels.items()))}
    replace_file(Path(path), (json.dumps(content, indent=1) + '\n').encode())
    return Path(path)


def fill_with_pseudo_labels(
    path: str | Path,
    names: Sequence[str],
    labels: Labels,
    *,
    dataset: str,
    split: str,
    subset: str,
    num_classes: int,
    label_split: str | None = None,
) -> Labels:
    """Labels with the predicted ones where none is known; a known label is never replaced.

    Args:
        path: A file of `write_pseudo_labels`.
        names: Of all sequences of the subset.
        labels: (S,) their classes, -1 where unknown.
        dataset, split, subset: What they are; the file must be of the same.
        num_classes: Predicted classes lie below it.
        label_split: Checksum of the draw that labels some of them, if one does.

    Raises:
        DataError: If the file is missing, malformed, of other data, predicted from other labels, or names
            sequences that are not there.
    """
    path = Path(path)
    found = _read(path)
    source = tuple(found.get(key) for key in ('dataset', 'split', 'subset'))
    if source != (dataset, split, subset):
        raise DataError(
            'the labels were predicted for other data',
            got=str(source), accepted=str((dataset, split, subset)), where=str(path),
        )
    drawn = found.get('label_split')
    if None not in (drawn, label_split) and drawn != label_split:
        raise DataError(
            'the labels were predicted by a model that knew other labels',
            got=f'label draw {str(drawn)[:12]}', accepted=f'{str(label_split)[:12]}, the draw of this config',
            where=str(path), fix='give both stages the same label_budget, its seed too',
        )
    position = {name: i for i, name in enumerate(names)}
    filled = labels.copy()
    for name, label in found['labels'].items():
        if name not in position or not isinstance(label, int) or not 0 <= label < num_classes:
            raise DataError(
                'a predicted label does not fit the data', got=f'{name}: {label}',
                accepted=f'a sequence of {dataset}, split {split}, and a class 0..{num_classes - 1}',
                where=str(path), fix='predict the labels again with tools/predict_labels.py',
            )
        if labels[position[name]] < 0:
            filled[position[name]] = label
    return filled


def _read(path: Path) -> dict[str, Any]:
    fix = 'write it with tools/predict_labels.py'
    try:
        content = json.loads(path.read_text(encoding='utf-8'))
    except FileNotFoundError as error:
        raise DataError('there is no such file of predicted labels', got=str(path), fix=fix) from error
    except OSError as error:
        raise DataError(
            'file of predicted labels cannot be read', got=str(error), where=str(path), fix=fix
        ) from error
    except ValueError as error:
        raise DataError('file of predicted labels is no JSON', where=str(path), fix=fix) from error
    is_sound = isinstance(content, dict) and content.get('format') == FORMAT
    if not is_sound or not isinstance(content.get('labels'), dict):
        raise DataError('this is no file of predicted labels', accepted=FORMAT, where=str(path), fix=fix)
    return dict(content)
