"""Runs small enough for tests: any config on a few synthetic sequences and a narrow encoder."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path
from typing import Any
from unittest import mock

from mmengine.config import Config

from skelreg.runner import load_config

ROOT = Path(__file__).parents[1]
SKELETONCLR = 'configs/skeletonclr/stgcn_nucla.py'
HICLR, LINEAR, KNN = (f'configs/hiclr/stgcn_nucla{suffix}.py' for suffix in ('', '_linear', '_knn'))
SEQUENCES = 24


def small_options(cfg: Config, epochs: int = 1) -> dict[str, Any]:
    """Dotted options that make a config quick, as far as it has what they change."""
    options: dict[str, Any] = {}
    for loader in ('train_dataloader', 'test_dataloader'):
        if cfg.get(loader) is not None:
            joined = range(len(cfg[loader].dataset.get('datasets', ())))
            for part in [f'.datasets.{i}' for i in joined] or ['']:
                options[f'{loader}.dataset{part}.num_frames'] = 12
            options[f'{loader}.batch_size'] = 4
    if cfg.model.backbone.type == 'STGCN':
        options |= {'model.backbone.hidden_channels': 4, 'model.backbone.out_channels': 8}
    elif cfg.model.backbone.type == 'GRU':
        options['model.backbone.hidden_channels'] = 4
    elif cfg.model.backbone.type == 'Transformer':
        options |= {'model.backbone.stem_channels': 4, 'model.backbone.blocks': [(4, 2, 1), (8, 2, 2)]}
    elif 'num_frames' in cfg.model.backbone:
        options['model.backbone.num_frames'] = 12
    if cfg.model.get('queue') is not None:
        options['model.queue.size'] = 8
    if 'k' in (cfg.get('test_cfg') or {}):
        options['test_cfg.k'] = [1]
    if 'epoch_length' in (cfg.get('train_dataloader') or {}).get('sampler', {}):
        options['train_dataloader.sampler.epoch_length'] = 8
    if 'neighborhood' in (cfg.model.get('regularizers') or {}):
        options['model.regularizers.neighborhood.num_neighbors'] = 1
    if 'max_epochs' in (cfg.get('train_cfg') or {}):
        options['train_cfg.max_epochs'] = epochs
    return options


def small(
    config: str, epochs: int = 1, sequences: int | None = SEQUENCES, amp: bool = False, **more: Any
) -> Config:
    """A config as the tools read it; dots in the keys of `more` are written as two underscores."""
    path = ROOT / config
    plain = load_config(path)
    options = small_options(plain, epochs)
    if sequences == SEQUENCES and plain.train_dataloader.dataset.get('unlabelled') == 'keep':
        sequences = max(sequences, 3 * plain.model.classifier.num_classes)  # some stay without a label
    options |= {key.replace('__', '.'): value for key, value in more.items()}
    return load_config(path, options, synthetic=sequences, amp=amp)


def run_tool(name: str, *arguments: str) -> int:
    """Run tools/<name>.py as the command line does, but in this process; its exit status."""
    with mock.patch.object(sys, 'argv', [name, *arguments]):
        try:
            runpy.run_path(str(ROOT / 'tools' / f'{name}.py'), run_name='__main__')
        except SystemExit as stop:
            return int(stop.code or 0)
    return 0
