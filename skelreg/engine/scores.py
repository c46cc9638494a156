"""Scores of every sequence of an evaluation, kept beside its result, so that runs can be fused later.

A file is a NumPy archive without pickled objects: `names` and `digests` (N,) text, `labels` (N,) int64,
`scores` (N, classes) float32, and `info`, one JSON text that says what was scored with what.
"""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..durable import replace_file
from ..errors import DataError
from .metrics import Predictions

FORMAT = 'skelreg-scores-1'
#: What `info` holds, see `Scores`.
INFO = (
    'format', 'protocol', 'dataset', 'split', 'subset', 'train_split', 'checksum', 'synthetic', 'stream',
    'seed', 'config', 'checkpoint', 'checkpoint_sha256',
)
_ARRAYS = ('names', 'digests', 'labels', 'scores', 'info')


@dataclass(frozen=True)
class Scores:
    """Scores of one run for every sequence of one subset.

    Attributes:
        names: (N) of the sequences.
        digests: (N) of their frames; copies of a sequence share it.
        labels: (N,) int64, the truth.
        scores: (N, classes) float32.
        info: protocol; dataset, split, subset: what was scored; train_split: the split that the config
            trains on, None if it trains nothing; checksum: of the archive; synthetic; stream; seed; config;
            checkpoint; checkpoint_sha256.
        where: The file, for messages.
    """

    names: tuple[str, ...]
    digests: tuple[str, ...]
    labels: Tensor
    scores: Tensor
    info: Mapping[str, Any]
    where: str = 'scores in memory'

    @property
    def title(self) -> str:
        """For tables: the folder and the name of the file."""
        path = Path(self.where)
        return f'{path.parent.name}/{path.name}'.removesuffix('.scores.npz')


def make_scores(
    predictions: Predictions, result: Mapping[str, Any], dataset: Any, *, stream: str, train_split: str | None
) -> Scores:
    """The predictions of an evaluation with all that says where they came from.

    Args:
        predictions: Of the evaluation's metric.
        result: Its result file's content, see `skelreg.engine.results`.
        dataset: What was evaluated on.
        stream: 'joint', 'bone' or 'motion'.
        train_split: The split that the config trains on; of joined sets all, 'a+b'.
    """
    rows, names, digests = predictions.index.tolist(), dataset.names, dataset.digests
    own = {'format': FORMAT, 'checksum': dataset.metainfo.get('checksum'), 'stream': stream,
           'train_split': train_split}
    return Scores(
        tuple(names[row] for row in rows),
        tuple(digests[row] for row in rows),
        predictions.labels,
        predictions.scores,
        {key: own[key] if key in own else result[key] for key in INFO},
    )


def score_path(checkpoint: str | Path, protocol: str) -> Path:
    """`epoch_56.pth` with protocol 'linear' -> `epoch_56.linear.scores.npz`, beside it."""
    checkpoint = Path(checkpoint)
    return checkpoint.with_name(f'{checkpoint.stem}.{protocol}.scores.npz')


def write_scores(path: str | Path, scores: Scores) -> Path:
    """Write scores whole or not at all.

    Raises:
        DataError: If the disk is full.
    """
    content = io.BytesIO()
    np.savez_compressed(
        content, names=np.array(scores.names), digests=np.array(scores.digests),
        labels=scores.labels.numpy(), scores=scores.scores.numpy(),
        info=np.array(json.dumps(dict(scores.info))),
    )
    replace_file(Path(path), content.getvalue())
    return Path(path)


def read_scores(path: str | Path) -> Scores:
    """Read a file that `write_scores` wrote; nothing in it is executed.

    Raises:
        DataError: If it is missing, damaged, or no such file.
    """
    path, fix = Path(path), 'tools/train.py and tools/test.py write it: <checkpoint>.<protocol>.scores.npz'
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in _ARRAYS}
        info = json.loads(str(arrays['info']))
    except FileNotFoundError as error:
        raise DataError('there is no such score file', got=str(path), fix=fix) from error
    except Exception as error:  # damaged bytes make the readers of zip and of NumPy raise anything
        raise DataError('this is no score file', got=str(error), where=str(path), fix=fix) from error
    _check(arrays, info, str(path))
    return Scores(
        tuple(map(str, arrays['names'])), tuple(map(str, arrays['digests'])),
        torch.from_numpy(arrays['labels']), torch.from_numpy(arrays['scores']), info, str(path),
    )


def _check(arrays: Mapping[str, np.ndarray], info: Any, where: str) -> None:
    """Refuse parts that do not fit together."""
    if not isinstance(info, dict) or info.get('format') != FORMAT or set(info) != set(INFO):
        raise DataError('score file has another format', accepted=FORMAT, where=where)
    names, scores, labels = arrays['names'], arrays['scores'], arrays['labels']
    whole = scores.ndim == 2 and scores.dtype == np.float32 and labels.dtype == np.int64
    whole = whole and {(len(scores),)} == {arrays[key].shape for key in ('names', 'digests', 'labels')}
    if not whole or len(np.unique(names)) < len(names) or not len(names) or not np.isfinite(scores).all():
        raise DataError(
            'score file contradicts itself',
            got=', '.join(f'{key} {arrays[key].dtype} {arrays[key].shape}' for key in _ARRAYS),
            accepted='one name, digest, label and row of finite scores for each sequence', where=where,
        )
    if labels.min() < 0 or labels.max() >= scores.shape[1]:
        raise DataError('a label of the score file is no class', got=f'{labels.min()} to {labels.max()}',
                        accepted=f'0 to {scores.shape[1] - 1}', where=where)
