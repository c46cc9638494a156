"""A config: does it build, fit its data, and learn in all its parts?"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config

from ..compat.flops import count_parameters
from ..compat.seeding import seed_everything
from ..datasets.archive import SkeletonArchive
from ..datasets.joined import part_configs
from ..errors import DataError, some
from ..fit import check_fit
from ..parts import DATALOADERS, check_parts
from ..plugin_manager import load_plugins
from ..registry import MODELS
from ..runner import build_datasets, load_config, use_synthetic_data
from ..structures import TrainingSet
from .finding import Report

#: Sequences that stand in for data that is not there, and sequences of the step that is tried.
STAND_INS, BATCH = 512, 16


def examine_config(path: str | Path) -> Report:
    """Build what a config composes, hold it against its data, and try one step of training."""
    report = Report()
    with report.guarded():
        load_plugins()
        cfg = load_config(path)
        check_parts(cfg)
        report.fine('the config parses, and every name in it is registered')
        if _lacks_data(report, cfg):
            use_synthetic_data(cfg, STAND_INS)
        datasets = build_datasets(cfg)
        seed_everything((cfg.get('randomness') or {}).get('seed') or 0, purpose='init')
        model = MODELS.build(cfg.model, where='model')
        check_fit(cfg, model, datasets)
        trained = count_parameters(model, trainable_only=True)
        report.fine(f'model and data fit: layout {model.layout.name}, {trained:,} trained parameters')
        if (train := datasets.get('train_dataloader')) is not None:
            _try_a_step(report, model, train, min(BATCH, cfg.train_dataloader.batch_size))
    return report


def _lacks_data(report: Report, cfg: Config) -> bool:
    """Say which archives are missing or damaged."""
    is_lacking = False
    for name in dict.fromkeys(_archives(cfg)):
        try:
            SkeletonArchive.open(name)
        except DataError as error:
            is_lacking = True
            report.wrong(f'{error.what}: {error.got}', error.fix or 'prepare it with tools/prepare_data.py')
    if is_lacking:
        report.note('what follows was looked at with synthetic data in its place')
    return is_lacking


def _archives(cfg: Config) -> Iterator[str | Path]:
    for loader in (cfg[name] for name in DATALOADERS if cfg.get(name) is not None):
        for part in part_configs(loader.dataset):
            if isinstance(part.get('archive'), (str, Path)):
                yield part.archive


def _try_a_step(report: Report, model: Any, dataset: Any, size: int) -> None:
    """One step on the first and last sequences: losses that are finite, gradient in every part."""
    model.prepare(TrainingSet(dataset.labels, dataset.fingerprint, getattr(dataset, 'sources', None)))
    model.init_weights()
    order = torch.randperm(len(dataset), generator=torch.Generator().manual_seed(0))
    order = order[(dataset.labels[order] < 0).argsort(stable=True)]  # labelled ones first
    rows = torch.cat([order[: -(-size // 2)], order[len(order) - size // 2 :]]).tolist()
    model.train()
    model.data_preprocessor.set_step_seed(0)  # as every step of a run does
    batch = model.data_preprocessor(dataset.__getitems__(rows), True)
    _check_inputs(report, batch)
    losses = model(**batch, mode='loss')
    total, _ = model.parse_losses(losses)
    bad = [name for name, value in losses['losses'].items() if not bool(torch.isfinite(value).all())]
    if bad:
        report.wrong(f'not finite in the first step: {", ".join(bad)}', 'look at the data and these terms')
        return
    report.fine(f'one step of training: loss {float(total.detach()):.4g} from {", ".join(losses["losses"])}')
    total.backward()
    idle = [
        name for name, parameter in model.named_parameters()
        if parameter.requires_grad and parameter.grad is None
    ]
    if idle:
        report.note(
            f'no gradient in the first step reaches {some(idle)}',
            'meant where a part waits for a later epoch or has an optimizer of its own; else remove it',
        )
    else:
        report.fine('gradient reaches every trained parameter')


def _check_inputs(report: Report, batch: dict[str, Any]) -> None:
    if 'multi_view' not in batch:
        return
    for view in batch['multi_view'].views:
        spread = view.skeleton.amax(dim=(0, 2, 3, 4)) - view.skeleton.amin(dim=(0, 2, 3, 4))
        flat = [str(channel) for channel in (spread == 0).nonzero().flatten().tolist()]
        if flat:
            report.wrong(
                f'view {view.name}: channel {", ".join(flat)} is one number in the whole batch',
                'look at the data, the stream and the augmentations',
            )
