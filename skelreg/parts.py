"""The parts that MMEngine's Runner builds by itself, looked at before it does."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from typing import Any

from mmengine.config import Config
from torch.utils.data import DataLoader

from .errors import ConfigError, closest
from .registry import (
    DATA_SAMPLERS,
    HOOKS,
    LOOPS,
    METRICS,
    OPTIM_WRAPPERS,
    OPTIMIZERS,
    PARAM_SCHEDULERS,
    ComponentRegistry,
    check_arguments,
    config_path,
)

#: Dataloader -> the loop that runs over it.
DATALOADERS = {'train_dataloader': 'train_cfg', 'val_dataloader': 'val_cfg', 'test_dataloader': 'test_cfg'}
_DEFAULT_LOOPS = {'train_cfg': 'EpochBasedTrainLoop', 'val_cfg': 'ValLoop', 'test_cfg': 'TestLoop'}
#: Entries that hold one part or a list of them: registry, and arguments that the Runner takes or gives.
_LISTS: dict[str, tuple[ComponentRegistry, tuple[str, ...]]] = {
    'param_scheduler': (PARAM_SCHEDULERS, ('optimizer', 'param_name', 'convert_to_iter_based')),
    'val_evaluator': (METRICS, ()),
    'test_evaluator': (METRICS, ()),
    'custom_hooks': (HOOKS, ('priority',)),
}
_VARIADIC = (inspect.Parameter.VAR_KEYWORD, inspect.Parameter.VAR_POSITIONAL)


def check_parts(cfg: Config) -> None:
    """Check names and arguments of what the Runner itself builds, late and without naming the place.

    Raises:
        ConfigError: With the place in the config.
    """
    for where, registry, part, given in _parts(cfg):
        if not isinstance(part, Mapping):
            continue
        with config_path(where):
            kind = part.get('type')
            kind = registry.find(kind) if isinstance(kind, str) else kind
            if kind is None:
                raise ConfigError(f'{registry.name} config has no type', where=where, got=dict(part))
            arguments = {key: value for key, value in part.items() if key not in ('type', *given)}
            check_arguments(_own_signature(kind, given), arguments, name=f'{registry.name} {kind.__name__}')
    _check_numbers(cfg)
    _check_randomness(cfg.get('randomness'))
    protocol = cfg.get('protocol', 'test')
    if not isinstance(protocol, str) or not protocol or '/' in protocol:
        raise ConfigError('protocol must be a part of file names', got=repr(protocol), where='protocol')


def _check_numbers(cfg: Config) -> None:
    """Refuse numbers and gaps that torch and MMEngine stumble over, those of a test after the training."""
    for name, loop in DATALOADERS.items():
        if cfg.get(name) is None or cfg.get(loop) is None:
            continue
        for key in ('sampler', 'batch_size') if name == 'train_dataloader' else ('sampler',):
            if key not in cfg[name]:
                raise ConfigError(f'a dataloader lacks its {key}', where=f'{name}.{key}')
        for part in (name, loop):
            for key, least in (('max_epochs', 1), ('batch_size', 1), ('num_workers', 0)):
                value = cfg[part].get(key, least)
                if not isinstance(value, int) or value < least:
                    raise ConfigError(
                        f'{key} must be a whole number >= {least}', got=repr(value), where=f'{part}.{key}'
                    )


def _check_randomness(given: Any) -> None:
    """Refuse a seed that NumPy cannot take, and settings that MMEngine does not know."""
    if given is None:
        return
    known = ('seed', 'diff_rank_seed', 'deterministic')
    unknown = sorted(set(given) - set(known)) if isinstance(given, Mapping) else [repr(given)]
    if unknown:
        raise ConfigError(
            'randomness has other settings', got=', '.join(unknown), accepted=closest(unknown[0], known),
            where='randomness',
        )
    seed = given.get('seed')
    if seed is not None and (not isinstance(seed, int) or not 0 <= seed < 2**32):
        raise ConfigError(
            'seed must be a whole number from 0 to 2**32 - 1', got=repr(seed), where='randomness.seed'
        )


def _parts(cfg: Config) -> Iterator[tuple[str, ComponentRegistry, Any, tuple[str, ...]]]:
    """(place, registry, config, arguments that the Runner itself takes or gives) of every part."""
    for name in DATALOADERS:
        if (loader := cfg.get(name)) is not None:
            yield name, DATA_SAMPLERS, {'type': DataLoader, **loader}, ('num_batch_per_epoch',)
            yield f'{name}.sampler', DATA_SAMPLERS, loader.get('sampler'), ('dataset', 'seed')
            batches = loader.get('batch_sampler')
            yield f'{name}.batch_sampler', DATA_SAMPLERS, batches, ('sampler', 'batch_size')
    for name, default in _DEFAULT_LOOPS.items():
        if (loop := cfg.get(name)) is not None:
            default = default if loop.get('by_epoch', True) else 'IterBasedTrainLoop'
            yield name, LOOPS, {'type': default, **loop}, ('by_epoch', 'runner', 'dataloader', 'evaluator')
    if (wrapper := cfg.get('optim_wrapper')) is not None:
        given = ('optimizer', 'constructor', 'paramwise_cfg')
        yield 'optim_wrapper', OPTIM_WRAPPERS, {'type': 'OptimWrapper', **wrapper}, given
        yield 'optim_wrapper.optimizer', OPTIMIZERS, wrapper.get('optimizer'), ('params',)
    for name, (registry, taken) in _LISTS.items():
        parts = cfg.get(name) or []
        for i, part in enumerate([parts] if isinstance(parts, Mapping) else parts):
            yield f'{name}[{i}]', registry, part, taken
    for name, hook in (cfg.get('default_hooks') or {}).items():
        yield f'default_hooks.{name}', HOOKS, hook, ('priority',)


def _own_signature(kind: Any, given: tuple[str, ...]) -> inspect.Signature:
    """What a config may set: also what `*args, **kwargs` pass on to base classes, without what is given."""
    found: dict[str, inspect.Parameter] = {}
    for base in kind.__mro__:
        constructor = vars(base).get('__init__')
        if base is object or constructor is None:
            continue
        parameters = list(inspect.signature(constructor).parameters.values())[1:]
        for parameter in parameters:
            found.setdefault(parameter.name, parameter)
        if not any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters):
            named = [p for name, p in found.items() if name not in given and p.kind not in _VARIADIC]
            return inspect.Signature([p.replace(kind=p.KEYWORD_ONLY) for p in named])
    return inspect.Signature([inspect.Parameter('arguments', inspect.Parameter.VAR_KEYWORD)])
