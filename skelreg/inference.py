"""What a trained model makes of recordings: classes, to read or to train on, and features, to go on with."""

from __future__ import annotations

import copy
import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.config import Config
from rich.table import Table
from rich.text import Text
from torch import Tensor

from .compat.runner import SkelregRunner
from .datasets.cards import EVERYTHING
from .datasets.dataset import SkeletonDataset
from .datasets.pseudo_labels import write_pseudo_labels
from .durable import replace_file
from .engine.features import extract_features
from .engine.metrics import check_finite
from .errors import ConfigError
from .fit import check_input
from .registry import DATASETS
from .runner import build_datasets, build_runner
from .tasks import folder_beside, load_for_testing

_BATCH = 256
#: What a loop needs; nothing is trained or tested here.
_LOOPS = (
    *(f'{loop}_{part}' for loop in ('train', 'val', 'test') for part in ('dataloader', 'cfg', 'evaluator')),
    'optim_wrapper', 'param_scheduler',
)
#: Arguments of a dataset that are about its labels.
_ABOUT_LABELS = ('label_budget', 'unlabelled', 'pseudo_labels')


@dataclass(frozen=True)
class Classified:
    """The classes of some recordings.

    Attributes:
        names: Of the S recordings.
        labels: (S,) their classes where they are known, else -1.
        probabilities: (S, classes), each row sums to one.
        class_names: One for each class.
    """

    names: tuple[str, ...]
    labels: Tensor
    probabilities: Tensor
    class_names: tuple[str, ...]

    def rows(self) -> list[tuple[str, str, str, float]]:
        """Name, own label or '', predicted class, its probability."""
        sure, predicted = self.probabilities.max(dim=1)
        known = ['' if label < 0 else self.class_names[label] for label in self.labels.tolist()]
        found = [self.class_names[label] for label in predicted.tolist()]
        return list(zip(self.names, known, found, sure.tolist(), strict=True))

    def as_csv(self) -> str:
        """A line for each recording: what `rows` gives, then the probability of every class."""
        text = io.StringIO()
        table = csv.writer(text, lineterminator='\n')
        table.writerow(('name', 'label', 'predicted', 'probability', *self.class_names))
        for (name, known, found, sure), shares in zip(self.rows(), self.probabilities.tolist(), strict=True):
            table.writerow((name, known, found, f'{sure:.4f}', *(f'{share:.4f}' for share in shares)))
        return text.getvalue()

    def as_table(self, limit: int = 20) -> Table:
        """The first recordings, for the terminal."""
        table = Table()
        for column in ('name', 'label', 'predicted', 'probability'):
            table.add_column(column, justify='right' if column == 'probability' else 'left', overflow='fold')
        for name, known, found, sure in self.rows()[:limit]:
            # As text, because a table would read square brackets in a name as markup.
            table.add_row(Text(name), Text(known), Text(found), f'{100 * sure:.1f} %')
        if len(self.names) > limit:
            table.caption = f'the first {limit} of {len(self.names)}'
        return table


def predict(
    cfg: Config,
    checkpoint: str | Path,
    archive: str | Path | None = None,
    subset: str = EVERYTHING,
) -> Classified:
    """Classify recordings, with labels or without.

    Args:
        cfg: A config with a classifier, as it was tested with.
        checkpoint: Its weights.
        archive: Where the recordings are; None for the config's own data.
        subset: Which of them.

    Raises:
        SkelregError: If the config has no classifier, or model, weights and data do not fit together.
    """
    if cfg.model.get('classifier') is None:
        raise ConfigError(
            'classes are predicted by a classifier, and this config has none', where=str(cfg.filename),
            fix='take a supervised, _linear, _finetune, _semi or assl config with its checkpoint, or '
            'tools/extract_features.py',
        )
    runner, dataset = _load(cfg, checkpoint, archive, subset)
    probabilities = _probabilities(runner.model, dataset, range(len(dataset)))
    return Classified(dataset.names, dataset.labels, probabilities, dataset.class_names)


def write_predictions(path: str | Path, classified: Classified) -> None:
    """Write them as CSV, whole or not at all."""
    replace_file(Path(path), classified.as_csv().encode())


def predict_labels(
    cfg: Config, checkpoint: str | Path, out: str | Path, threshold: float = 0.0
) -> tuple[int, int]:
    """Predict a class for every unlabelled training sequence and write the confident ones to a file.

    Args:
        cfg: A config with a classifier, whose training set keeps unlabelled sequences.
        checkpoint: Its weights.
        out: The file, for `train_dataloader.dataset.pseudo_labels`.
        threshold: Probability from which a prediction is written.

    Returns:
        How many labels were written, and how many sequences have none.
    Raises:
        SkelregError: If there is nothing to predict or nothing to predict with.
    """
    if not 0 <= threshold <= 1:
        raise ConfigError('the threshold must be a probability', got=threshold, where='--threshold')
    runner = build_runner(cfg, folder_beside(checkpoint))
    model, dataset = runner.model, build_datasets(cfg)['train_dataloader']
    if not isinstance(dataset, SkeletonDataset):
        raise ConfigError(
            'labels are predicted for one dataset', got=type(dataset).__name__, accepted='SkeletonDataset',
            where='train_dataloader.dataset',
        )
    rows = (dataset.labels < 0).nonzero()[:, 0].tolist()
    if not rows or model.classifier is None:
        raise ConfigError(
            'there is nothing to predict', where=str(cfg.filename),
            got='no unlabelled training sequence' if model.classifier is not None else 'no classifier',
            fix="take the config that the model was trained with; it sets label_budget and unlabelled='keep'",
        )
    load_for_testing(runner, checkpoint)
    sure, predicted = _probabilities(model, dataset, rows).max(dim=1)
    names = dataset.names
    labels = {
        names[row]: label
        for row, label, share in zip(rows, predicted.tolist(), sure.tolist(), strict=True)
        if share >= threshold
    }
    source = {
        'dataset': dataset.card.name, 'split': dataset.split, 'subset': dataset.subset,
        'label_split': None if dataset.label_split is None else dataset.label_split.sha256,
    }
    write_pseudo_labels(out, labels, {**source, 'checkpoint': Path(checkpoint).name, 'threshold': threshold})
    return len(labels), len(rows)


def write_features(
    cfg: Config,
    checkpoint: str | Path,
    out: str | Path,
    archive: str | Path | None = None,
    subset: str = EVERYTHING,
) -> tuple[int, int]:
    """Encode recordings and write what comes out as `names`, `features` and `labels`.

    Shape:
        names (S,) text; features (S, D) float32, pooled over frames, joints and bodies; labels (S,), -1
        where unknown.

    Args:
        cfg: A config of the encoder.
        checkpoint: Its weights.
        out: An .npz file.
        archive: Where the recordings are; None for the config's own data.
        subset: Which of them.

    Returns:
        S and D.
    Raises:
        SkelregError: If model, weights and data do not fit together.
    """
    runner, dataset = _load(cfg, checkpoint, archive, subset)
    bank = extract_features(runner.model, dataset)
    content = io.BytesIO()
    arrays: Mapping[str, Any] = {
        'names': np.array(dataset.names), 'features': bank.features.numpy(), 'labels': bank.labels.numpy(),
    }
    np.savez(content, **arrays)
    replace_file(Path(out), content.getvalue())
    count, width = bank.features.shape
    return count, width


@torch.no_grad()
def _probabilities(model: Any, dataset: SkeletonDataset, rows: Sequence[int]) -> Tensor:
    """(R, classes) on the CPU, for R sequences of a dataset.

    Raises:
        DataError: If scores are not finite.
    """
    model.eval()
    scores = []
    for first in range(0, len(rows), _BATCH):
        (found,) = model.test_step(dataset.__getitems__(list(rows[first : first + _BATCH])))
        scores.append(found['scores'].float().cpu())
    whole = torch.cat(scores)
    check_finite(whole, 'scores')
    return whole.softmax(dim=1)


def _load(
    cfg: Config, checkpoint: str | Path, archive: str | Path | None, subset: str
) -> tuple[SkelregRunner, SkeletonDataset]:
    """The model with its weights, and the recordings as the config's test sees them."""
    cfg = copy.deepcopy(cfg)
    loader = cfg.get('test_dataloader') or cfg.get('train_dataloader')
    part = dict(loader.dataset) if loader is not None else {}
    if part.get('type') != 'SkeletonDataset':
        raise ConfigError(
            'this config does not say how recordings are read', got=part.get('type', 'no dataset'),
            accepted="SkeletonDataset", where=f'{cfg.filename}: test_dataloader.dataset',
        )
    part = {key: value for key, value in part.items() if key not in _ABOUT_LABELS}
    part['subset'] = subset
    if archive is not None:
        part['archive'] = str(archive)
    dataset: SkeletonDataset = DATASETS.build(part, where='test_dataloader.dataset')
    for name in _LOOPS:
        cfg[name] = None
    runner = build_runner(cfg, folder_beside(checkpoint))
    check_input(runner.model, dataset, where='the recordings against model')
    load_for_testing(runner, checkpoint)
    return runner, dataset
