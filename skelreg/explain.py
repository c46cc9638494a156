"""What a config composes: its parts with file and line, its views, its objective."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config
from torch import nn

from .compat.flops import count_flops, count_parameters
from .datasets.cards import load_card
from .datasets.joined import part_configs
from .plugin_manager import load_plugins
from .registry import MODELS
from .structures import TrainingSet

PARTS = ('backbone', 'neck', 'projector', 'classifier', 'key_encoder', 'queue', 'teacher')


def explain(cfg: Config) -> str:
    """A page of text; the model is built and run once on noise, no data is read.

    Raises:
        SkelregError: If the model cannot be built.
    """
    load_plugins()
    model = MODELS.build(cfg.model, where='model')
    return '\n'.join([*_data(cfg), '', *_parts(cfg, model), '', *_views(model), '', *_objective(cfg, model)])


def _data(cfg: Config) -> Iterator[str]:
    yield f'config  {cfg.filename}'
    for name in ('train_dataloader', 'test_dataloader'):
        loader = cfg.get(name)
        if loader is not None:
            for data in part_configs(loader.dataset):
                yield (
                    f'{name.partition("_")[0]:7} {data.get("dataset")} from {data.get("archive")}, '
                    f'split {data.get("split")}/{data.get("subset")}, {data.get("num_frames")} frames, '
                    f'batch {loader.batch_size}'
                )


def _parts(cfg: Config, model: Any) -> Iterator[str]:
    yield f'model  {_title(model)}'
    for name in PARTS:
        part = getattr(model, name)
        if part is not None:
            frozen = ', frozen' if name in model.frozen else ''
            yield f'  {name:12} {_title(part)}  {count_parameters(part):,} parameters{frozen}'
    for name, branch in model.branches.items():
        yield f'  branch {name:5} {_title(branch)}  {count_parameters(branch):,} parameters'
    for kind in ('heads', 'regularizers'):
        for name, term in getattr(model, kind).items():
            yield f'  {kind[:-1]} {name}: {_title(term.component)}'
    example = _noise(model, cfg, 1)
    flops = count_flops(model.backbone, (example,))
    shape = ', '.join(map(str, example.shape[1:]))
    yield f'  one sequence ({shape}) costs {flops / 1e9:.3f} GFLOP in the backbone on this device'


def _views(model: Any) -> Iterator[str]:
    preprocessor = model.data_preprocessor
    order = 'stream first, then ' if preprocessor.stream_first else ''
    yield f'views  {order}{preprocessor.stream} stream'
    policy = preprocessor.policy
    yield '  one plain view' if policy is None else f'  {_title(policy)}'
    for name, augmentations in policy.recipe() if policy is not None else ():
        yield f'  {name:9} {" > ".join(map(str, augmentations)) or "plain"}'


def _objective(cfg: Config, model: Any) -> Iterator[str]:
    terms = [*model.heads.items(), *model.regularizers.items()]
    if not terms:
        yield 'loss  none: this config trains nothing'
        return
    labels = torch.zeros(256, dtype=torch.int64)  # a training set of nothing, half of it unlabelled
    labels[::2] = -1
    joined = len(part_configs(cfg.train_dataloader.dataset)) if cfg.get('train_dataloader') is not None else 1
    model.prepare(TrainingSet(labels, fingerprint='explain', sources=torch.arange(256) % joined))
    batch = {'inputs': _noise(model, cfg, 4), 'labels': labels[:4], 'index': torch.arange(4)}
    model.data_preprocessor.set_step_seed(0)  # as every step of a run does
    losses = model(**model.data_preprocessor(batch, training=True), mode='loss')['losses']
    weights = {name: term.weight for name, term in terms}
    yield 'loss = ' + ' + '.join(f'{weights[key.partition("/")[0]]:g} * {key}' for key in losses)
    for name, term in terms:
        ramp = f' (weight grows over {term.ramp} epochs)' if term.ramp else ''
        yield f'  {name}: {(inspect.getdoc(term.component) or "").partition(chr(10))[0]}{ramp}'


def _title(part: nn.Module) -> str:
    """Class name with the file and line where it is written."""
    cls = type(part)
    path = Path(inspect.getsourcefile(cls) or '?')
    line = inspect.getsourcelines(cls)[1]
    root = Path(__file__).parent.parent
    return f'{cls.__name__} ({path.relative_to(root) if path.is_relative_to(root) else path}:{line})'


def _noise(model: Any, cfg: Config, n: int) -> torch.Tensor:
    """(n, C, T, V, M) of the shape that the model sees; 50 frames where they are not resampled."""
    loader = cfg.get('train_dataloader') or cfg.get('test_dataloader')
    frames, bodies = model.data_preprocessor.num_frames, 1
    if loader is not None:
        data = part_configs(loader.dataset)[0]
        frames = frames or data.get('num_frames')
        bodies = data.get('max_bodies') or load_card(data.dataset).max_bodies
    return torch.randn(n, model.backbone.in_channels, frames or 50, model.layout.num_joints, bodies)
