"""Whether the parts of a config fit together, asked before anything runs."""

from __future__ import annotations

import logging
from typing import Any

from mmengine.config import Config

from .errors import ConfigError
from .learner.alternation import AlternatingConstructor, alternating

_logger = logging.getLogger('skelreg')


def check_fit(cfg: Config, model: Any, datasets: dict[str, Any]) -> None:
    """Refuse a model that cannot take the data, before anything runs."""
    for name, dataset in datasets.items():
        check_input(model, dataset, where=f'{name}.dataset against model')
    _check_space(model, datasets)
    _check_bodies(model, datasets)
    _check_labels(model, datasets)
    _check_tested(datasets)
    _check_sizes(cfg, model, datasets)
    _check_residence(cfg, datasets)


def check_input(model: Any, dataset: Any, where: str) -> None:
    """Refuse sequences of another skeleton, other channels or other classes than the model is built for."""
    if dataset.layout.name != model.layout.name:
        raise ConfigError(
            'the data has another skeleton layout than the model',
            where=where,
            got=f'data: {dataset.layout.name} ({dataset.layout.num_joints} joints), '
            f'model: {model.layout.name} ({model.layout.num_joints} joints)',
            fix=f"set model.layout='{dataset.layout.name}'",
        )
    channels, expected = len(dataset.channels), model.backbone.in_channels
    if channels != expected:
        raise ConfigError(
            'the data has another number of channels than the backbone takes',
            where=where,
            got=f'data: {channels} ({", ".join(dataset.channels)}), backbone: {expected}',
            fix=f'set model.in_channels={channels}',
        )
    classes = model.classifier.out_channels if model.classifier is not None else dataset.num_classes
    if classes != dataset.num_classes:
        raise ConfigError(
            'the classifier has another number of classes than the data',
            where=where,
            got=f'data: {dataset.num_classes}, classifier: {classes}',
            fix=f'set model.classifier.num_classes={dataset.num_classes}',
        )


def _check_space(model: Any, datasets: dict[str, Any]) -> None:
    """Refuse views that shear or turn bodies in space where the training data have other channels."""
    policy, train = model.data_preprocessor.policy, datasets.get('train_dataloader')
    if policy is None or train is None or tuple(train.channels) == ('x', 'y', 'z'):
        return
    parts = [part for _, augmentations in policy.recipe() for part in augmentations if part.needs_xyz]
    if parts:
        raise ConfigError(
            'these views are for coordinates x, y, z',
            got=f'{", ".join(sorted({type(part).__name__ for part in parts}))} on data with the channels '
            + ', '.join(train.channels),
            where='model.data_preprocessor.policy',
            fix='take them out of the policy; supervised configs have no views',
        )


def _check_bodies(model: Any, datasets: dict[str, Any]) -> None:
    """Refuse a regularizer that is built for another number of bodies than the training data have."""
    found = getattr(datasets.get('train_dataloader'), 'max_bodies', None)
    for name, term in model.regularizers.items():
        built_for = getattr(term.component, 'max_bodies', found)
        if found is not None and built_for != found:
            raise ConfigError(
                'a regularizer is built for another number of bodies than the data have',
                got=f'data: {found}, regularizer: {built_for}',
                where=f'model.regularizers.{name}.max_bodies',
                fix=f'set model.regularizers.{name}.max_bodies={found}',
            )


def check_alternation(cfg: Config, model: Any, launcher: str) -> None:
    """Refuse alternating steps without their two optimizers, and across processes."""
    names, chosen = list(alternating(model)), (cfg.get('optim_wrapper') or {}).get('constructor')
    if not names or cfg.get('train_cfg') is None:
        return
    where = f'model.regularizers.{names[0]}.mode'
    if chosen != AlternatingConstructor.__name__:
        raise ConfigError(
            "mode='alternating' takes two optimizers",
            where=where,
            got=f'optim_wrapper.constructor={chosen!r}',
            fix=f"set optim_wrapper.constructor='{AlternatingConstructor.__name__}', or mode='simultaneous'",
        )
    if launcher != 'none':
        raise ConfigError(
            "mode='alternating' runs in one process only",
            where=where,
            got=f"--launcher {launcher}: under several processes MMEngine steps around the model's own "
            'train_step, with one optimizer',
            fix="set mode='simultaneous' or 'reversal', which do without, or leave --launcher out",
        )


def check_shared_statistics(cfg: Config, model: Any, launcher: str) -> None:
    """Refuse processes that would wait for each other's batch norm where some have nothing to encode."""
    train = cfg.get('train_dataloader') or {}
    if launcher == 'none' or not cfg.get('sync_bn') or train.get('batch_sampler') is not None:
        return
    for name, term in model.regularizers.items():
        if {'extra_views', 'unlabelled'} <= term.component.needs:
            raise ConfigError(
                'under sync_bn a process waits for all others, and one whose batch is all labelled encodes '
                f'nothing for {type(term.component).__name__}',
                where=f'model.regularizers.{name}',
                got=f'sync_bn={cfg.sync_bn!r} and batches without a fixed share of unlabelled sequences',
                fix="set train_dataloader.batch_sampler=dict(type='LabelledUnlabelledBatches'), or leave "
                'sync_bn out',
            )


def _check_residence(cfg: Config, datasets: dict[str, Any]) -> None:
    """Refuse dataloaders that a dataset kept on a device cannot serve."""
    for name, dataset in datasets.items():
        residence, workers = getattr(dataset, 'residence', None), cfg[name].get('num_workers', 0)
        if residence is None or residence.device is None:
            continue
        if workers == 0 and cfg[name].get('pin_memory'):
            raise ConfigError(
                'batches of a set that is kept on a device cannot be pinned',
                where=f'{name}.pin_memory',
                got=f'pin_memory=True and dataset.resident={residence.device!r}',
                fix='remove pin_memory, or set dataset.resident=None',
            )
        if workers:
            raise ConfigError(
                'workers do not reach a set that is kept on a device',
                where=f'{name}.num_workers',
                got=f'num_workers={workers} and dataset.resident={residence.device!r}',
                fix="set num_workers=0, or dataset.resident='auto' or None",
            )


def _check_labels(model: Any, datasets: dict[str, Any]) -> None:
    """Refuse terms that learn from labels, or from sequences without, where the training set has none."""
    train = datasets.get('train_dataloader')
    if train is None:
        return
    known = int((train.labels >= 0).sum())
    for kind, terms in (('heads', model.heads), ('regularizers', model.regularizers)):
        for name, term in terms.items():
            title, where = type(term.component).__name__, f'model.{kind}.{name}'
            if 'labels' in term.component.needs and known == 0:
                raise ConfigError(
                    f'{title} needs labels, and no training sequence has one',
                    where=where,
                    got=f'{len(train)} sequences labelled -1',
                    fix=f'train on labelled sequences, or remove {where}',
                )
            if 'unlabelled' in term.component.needs and known == len(train):
                raise ConfigError(
                    f'{title} needs unlabelled sequences, and every training sequence has a label',
                    where=where,
                    got=f'{len(train)} labelled sequences',
                    fix="set train_dataloader.dataset.label_budget, and unlabelled='keep' beside it, or "
                    f'remove {where}',
                )


def _check_tested(datasets: dict[str, Any]) -> None:
    """Refuse a test of sequences without a label."""
    test = datasets.get('test_dataloader')
    if test is not None and (unknown := int((test.labels < 0).sum())):
        raise ConfigError(
            'sequences without a label cannot be tested',
            where='test_dataloader.dataset.split',
            got=f'{unknown} of {len(test)} without',
            fix="leave them out by the card's rule: test: {..., not: {label: [-1]}}",
        )


def _check_sizes(cfg: Config, model: Any, datasets: dict[str, Any]) -> None:
    train = datasets.get('train_dataloader')
    if train is None:
        return
    batch_size = cfg.train_dataloader.batch_size
    if cfg.train_dataloader.get('batch_sampler') is not None and cfg.train_dataloader.get('drop_last'):
        raise ConfigError(
            'a batch sampler decides itself which batches are complete',
            got='batch_sampler and drop_last=True',
            where='train_dataloader.drop_last',
            fix='set train_dataloader.drop_last=False',
        )
    if cfg.train_dataloader.get('drop_last') and len(train) < batch_size:
        raise ConfigError(
            'the training set is smaller than one batch, and incomplete batches are dropped',
            got=f'{len(train)} sequences, batch_size {batch_size}',
            where='train_dataloader.batch_size',
            fix='lower train_dataloader.batch_size, or take more sequences',
        )
    if model.queue is not None and model.queue.size > len(train) / 4:
        _logger.warning(
            'the queue holds %d keys and the training set %d sequences: beyond a quarter of the set, its '
            'negatives are largely stale copies of the sequences in the batch; consider a smaller queue',
            model.queue.size,
            len(train),
        )
