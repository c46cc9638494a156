"""The features of some checkpoints side by side, as points in the plane."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from mmengine.config import Config
from numpy.typing import NDArray
from torch import Tensor

from .engine.features import extract_features
from .errors import ConfigError
from .report.embedding import plane
from .report.figures import scatter_plots
from .runner import build_datasets, build_runner
from .tasks import folder_beside, load_for_testing

#: More points cover each other, and t-SNE takes minutes.
MAX_POINTS = 800


def feature_plot(
    cfg: Config, checkpoints: Mapping[str, str | Path], colour: Literal['action', 'domain'] = 'action'
) -> str:
    """SVG of the features of one set of sequences under several checkpoints of one config.

    Args:
        cfg: A config that fits the checkpoints.
        checkpoints: Title of a panel -> file.
        colour: 'action' draws test sequences by class; 'domain' draws training sequences as labelled and
            unlabelled, or by the set of a `JoinedDataset` that they are from.

    Raises:
        SkelregError: If a checkpoint does not fit, or the training set has one domain only.
    """
    loader = 'test_dataloader' if colour == 'action' else 'train_dataloader'
    dataset = build_datasets(cfg).get(loader)
    if dataset is None:
        raise ConfigError(f'this config has no {loader} to draw', where=str(cfg.filename))
    groups, names = _actions(dataset) if colour == 'action' else _domains(dataset, str(cfg.filename))
    chosen = _some(groups)
    panels = {}
    for title, checkpoint in checkpoints.items():
        runner = build_runner(cfg, folder_beside(checkpoint))
        load_for_testing(runner, checkpoint)
        features = extract_features(runner.model, dataset).features[torch.from_numpy(chosen)]
        points, method = plane(features)
        panels[f'{title} ({method})'] = points
    return scatter_plots(panels, groups[chosen], names, legend=colour)


def _actions(dataset: Any) -> tuple[NDArray[np.int64], list[str]]:
    return dataset.labels.numpy(), list(dataset.class_names)


def _domains(dataset: Any, where: str) -> tuple[NDArray[np.int64], list[str]]:
    """Group of every sequence and the names of the groups; the larger group first, to be drawn beneath."""
    sources: Tensor | None = getattr(dataset, 'sources', None)
    if sources is not None:
        groups, names = sources, [f'dataset_{i}' for i in range(int(sources.max()) + 1)]
    else:
        groups, names = (dataset.labels >= 0).long(), ['unlabelled', 'labelled']
    if len(groups.unique()) < 2:
        raise ConfigError(
            'the training set has one domain only', where=where, got=f'{len(groups)} labelled sequences',
            fix="take a config with label_budget and unlabelled='keep', or with a JoinedDataset",
        )
    return groups.numpy(), names


def _some(groups: NDArray[np.int64]) -> NDArray[np.int64]:
    """At most MAX_POINTS positions, the rare groups whole as far as they fit, the same ones at every call."""
    order = np.random.default_rng(0).permutation(len(groups))
    turn = np.zeros(len(groups), dtype=np.int64)
    for group in np.unique(groups):
        here = order[groups[order] == group]
        turn[here] = np.arange(len(here))
    return np.sort(np.argsort(turn, kind='stable')[:MAX_POINTS])
