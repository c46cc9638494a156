"""From a config to a Runner: plugins, components, their fit, then MMEngine's Runner."""

from __future__ import annotations

import copy
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mmengine.config import Config

from .compat.runner import SkelregRunner
from .compat.seeding import seed_everything
from .datasets.joined import part_configs
from .datasets.residence import Residence
from .engine.allocator import keep_freed_memory
from .engine.files import sha256
from .errors import CheckpointError, ConfigError, closest
from .fit import check_alternation, check_fit, check_shared_statistics
from .parts import DATALOADERS, check_parts
from .plugin_manager import load_plugins
from .registry import DATASETS, MODELS, config_path
from .structures import TrainingSet

#: Keys of a config that are handed to MMEngine's Runner as they stand.
RUNNER_ARGUMENTS = (
    'train_cfg',
    'val_cfg',
    'test_cfg',
    'optim_wrapper',
    'param_scheduler',
    'val_evaluator',
    'test_evaluator',
    'default_hooks',
    'env_cfg',
    'log_level',
    'log_processor',
    'randomness',
    'auto_scale_lr',
)
#: All that is read at the top of a config; the rest are variables for other entries to refer to.
READ = (
    *RUNNER_ARGUMENTS,
    *DATALOADERS,
    'model',
    'custom_hooks',
    'custom_imports',
    'default_scope',
    'work_dir',
    'protocol',
    'sync_bn',
    'find_unused_parameters',
)

#: Entries of MMEngine's configs that have another place here: what to do instead.
ELSEWHERE = {
    'load_from': 'give the checkpoint with --pretrained',
    'resume': 'add --resume',
    'launcher': 'add --launcher',
    'compile': "add dict(type='CompileHook') to custom_hooks",
    'visualizer': 'name a hook in custom_hooks; the numbers of every epoch are in scalars.jsonl',
    'vis_backends': 'name a hook in custom_hooks; the numbers of every epoch are in scalars.jsonl',
}

_logger = logging.getLogger('skelreg')


def load_config(
    path: str | Path, options: dict[str, Any] | None = None, synthetic: int | None = None, amp: bool = False
) -> Config:
    """Read a config file and apply what the command line changes.

    Args:
        path: A config file.
        options: Dotted key -> value, as from --cfg-options.
        synthetic: Replace the data of every dataset by so many synthetic sequences of its shape.
        amp: Train with bf16 mixed precision.

    Raises:
        ConfigError: If the file is missing or cannot be run, or an option changes nothing that is read.
    """
    if not Path(path).is_file():
        known = sorted(str(p) for p in Path('configs').glob('*/*.py') if p.parent.name != '_base_')
        raise ConfigError(f"config '{path}' does not exist", accepted=closest(str(path), known))
    try:
        cfg = Config.fromfile(path)
    except Exception as error:  # a config is Python, and raises what it likes
        raise _unreadable(path, error) from error
    for key, fix in ELSEWHERE.items():
        if cfg.get(key):
            raise ConfigError(f"'{key}' is not read from a config", got=cfg[key], where=str(path), fix=fix)
    _merge(cfg, options or {})
    if synthetic is not None:
        use_synthetic_data(cfg, synthetic)
    if amp:
        if cfg.get('optim_wrapper') is None:
            raise ConfigError('--amp is for training, and this config trains nothing', where=str(path))
        cfg.optim_wrapper.type = 'AutocastOptimWrapper'
    return cfg


def _unreadable(path: str | Path, error: Exception) -> ConfigError:
    # MMEngine hides which of the custom_imports is missing behind the whole search path.
    is_import = isinstance(error, ImportError) and error.__cause__ is not None
    reason = error.__cause__ if is_import else error
    return ConfigError(
        'config cannot be read',
        got=f'{type(reason).__name__}: {reason}',
        where=str(path),
        fix='this looks like a checkpoint: name the config first' if Path(path).suffix == '.pth' else None,
    )


def _merge(cfg: Config, options: Mapping[str, Any]) -> None:
    """Apply --cfg-options; one that nothing reads, such as a variable already filled in, is refused."""
    for key in options:
        first, _, rest = key.partition('.')
        if first not in READ:
            raise ConfigError(
                f"option '{key}' changes nothing, because '{first}' is not read",
                where='--cfg-options',
                accepted=closest(first, READ),
                fix=f"did you mean 'model.{key}'?" if first in cfg and rest else ELSEWHERE.get(first),
            )
    try:
        cfg.merge_from_dict(
            {key: value for key, value in options.items() if not _replaces_item(cfg, key, value)}
        )
    except (TypeError, KeyError, IndexError, AssertionError, AttributeError) as error:
        raise ConfigError(
            'an option does not fit the config', got=f'{type(error).__name__}: {error}', where='--cfg-options'
        ) from error


def _replaces_item(cfg: Config, key: str, value: Any) -> bool:
    """Put the value in a list of the config, where the key ends in an index: the merge changes only dicts."""
    *path, last = key.split('.')
    place: Any = cfg
    for part in path:
        if isinstance(place, list) and part.isdigit() and int(part) < len(place):
            place = place[int(part)]
        elif isinstance(place, dict | Config) and part in place:
            place = place[part]
        else:
            return False
    if not isinstance(place, list) or not last.isdigit() or isinstance(value, dict):
        return False
    if int(last) >= len(place):
        raise ConfigError(
            f"option '{key}' is behind the end of a list",
            got=last,
            accepted=f'0 to {len(place) - 1}',
            where='--cfg-options',
        )
    place[int(last)] = value
    return True


def use_synthetic_data(cfg: Config, sequences: int) -> None:
    """Generate every dataset of a config: same layout, classes, bodies and splits, invented motion."""
    if sequences < 1:
        raise ConfigError('--synthetic needs at least one sequence', got=sequences)
    for name in DATALOADERS:
        loader = cfg.get(name)
        if loader is not None:
            for part in part_configs(loader.dataset):
                part.archive = {'synthetic': sequences}
                # Labels predicted for recorded sequences; those of an earlier trial are there and stay.
                if part.get('pseudo_labels') and not Path(part.pseudo_labels).is_file():
                    part.pseudo_labels = None


def build_datasets(cfg: Config) -> dict[str, Any]:
    """Dataloader name -> built dataset, for every dataloader that a loop of the config runs over."""
    datasets = {}
    for name, loop in DATALOADERS.items():
        if cfg.get(name) is not None and cfg.get(loop) is not None:
            with config_path(name):
                datasets[name] = DATASETS.build(cfg[name].dataset, where='dataset')
            residence = getattr(datasets[name], 'residence', None)
            if residence is not None and residence.device == 'auto' and cfg[name].get('num_workers', 0):
                datasets[name].residence = Residence(None)  # workers would not see what lies on a device
    return datasets


def build_runner(
    cfg: Config,
    work_dir: str | Path | None = None,
    launcher: str = 'none',
    resume: bool = False,
    pretrained: str | Path | None = None,
) -> SkelregRunner:
    """Build every component of a config, check that they fit together, and hand them to the Runner.

    From then on the process keeps freed memory (`keep_freed_memory`), unless the environment says otherwise.

    Args:
        cfg: What `load_config` returned; it is not changed.
        work_dir: Where checkpoints, logs and results go; by default work_dirs/<method>/<config>.
        launcher: 'none', 'pytorch' (torchrun) or 'slurm'.
        resume: Continue from the newest whole checkpoint of the work directory, if there is one.
        pretrained: A checkpoint whose encoder is loaded before training.

    Raises:
        SkelregError: If a component is unknown, misses data, or does not fit another.
    """
    load_plugins()
    cfg = copy.deepcopy(cfg)
    if cfg.get('model') is None:
        raise ConfigError(
            'this config has no model', where=str(cfg.filename), fix="add model=dict(type='Learner')"
        )
    check_parts(cfg)
    datasets = build_datasets(cfg)
    keep_freed_memory()
    seed_everything((cfg.get('randomness') or {}).get('seed') or 0, purpose='init')
    model = MODELS.build(cfg.model, where='model')
    check_fit(cfg, model, datasets)
    check_alternation(cfg, model, launcher)
    check_shared_statistics(cfg, model, launcher)
    if (train := datasets.get('train_dataloader')) is not None:
        model.prepare(TrainingSet(train.labels, train.fingerprint, getattr(train, 'sources', None)))
    parts: dict[str, Any] = {name: cfg.get(name) for name in RUNNER_ARGUMENTS}
    loaders: dict[str, Any] = {name: {**cfg[name], 'dataset': dataset} for name, dataset in datasets.items()}
    if pretrained is not None and not Path(pretrained).is_file():
        raise CheckpointError('there is no such checkpoint', got=str(pretrained), where='--pretrained')
    return SkelregRunner(
        model,
        str(work_dir or default_work_dir(cfg)),
        cfg=cfg,
        launcher=launcher,
        resume=resume,
        pretrained=None if pretrained is None else str(pretrained),
        checkpoint_meta={
            'layout': model.layout.name,
            'stream': model.data_preprocessor.stream,
            'encoder': model.encoder_settings,
            'pretrained_sha256': None if pretrained is None else sha256(Path(pretrained)),
        },
        custom_hooks=[{'type': 'SetEpochHook'}, {'type': 'CollectHook'}, *(cfg.get('custom_hooks') or [])],
        default_scope='skelreg',
        **{name: part for name, part in parts.items() if part is not None},
        **loaders,
    )


def default_work_dir(cfg: Config) -> Path:
    """Where a run works unless it is told: the config's own folder, else work_dirs/<method>/<config>."""
    return Path(cfg.get('work_dir') or Path('work_dirs', config_name(cfg)))


def config_name(cfg: Config) -> str:
    """'hiclr/stgcn_nucla' for configs/hiclr/stgcn_nucla.py."""
    path = Path(cfg.filename) if cfg.filename else Path('config')
    return str(Path(path.parent.name, path.stem))
