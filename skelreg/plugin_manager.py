"""Discover third-party packages through the entry-point group `skelreg`; one bad plugin harms only itself."""

from __future__ import annotations

import difflib
import importlib
import logging
import multiprocessing
import os
import traceback
from collections.abc import Iterable
from importlib import metadata
from pathlib import Path
from typing import Any

import pluggy

from . import hookspecs
from .errors import PluginError
from .graphs import add_layout_file, read_layout
from .provenance import CORE, LOAD_FAILURES, LoadFailure, credit
from .registry import ALL

GROUP = 'skelreg'
DISABLE = 'SKELREG_DISABLE_PLUGINS'
_PREFIX = 'skelreg_'
CORE_MODULES = (
    'skelreg.augmentations.graph',
    'skelreg.augmentations.masking',
    'skelreg.augmentations.policies',
    'skelreg.augmentations.spatial',
    'skelreg.augmentations.style',
    'skelreg.augmentations.temporal',
    'skelreg.backbones.gru',
    'skelreg.backbones.raw',
    'skelreg.backbones.stgcn',
    'skelreg.backbones.transformer',
    'skelreg.compat.amp',
    'skelreg.compat.checkpoint',
    'skelreg.compat.runtime_info',
    'skelreg.datasets.collate',
    'skelreg.datasets.dataset',
    'skelreg.datasets.joined',
    'skelreg.datasets.labelled_batches',
    'skelreg.datasets.readers.folder',
    'skelreg.datasets.readers.hiclr',
    'skelreg.datasets.readers.ntu',
    'skelreg.datasets.readers.nucla',
    'skelreg.datasets.readers.pku_mmd',
    'skelreg.datasets.readers.pyskl',
    'skelreg.datasets.samplers',
    'skelreg.datasets.transforms',
    'skelreg.engine.batchnorm',
    'skelreg.engine.collapse',
    'skelreg.engine.copies',
    'skelreg.engine.hooks',
    'skelreg.engine.loops',
    'skelreg.engine.metrics',
    'skelreg.heads.classification',
    'skelreg.heads.correlation',
    'skelreg.heads.cross_stream',
    'skelreg.heads.dropped_consistency',
    'skelreg.heads.hierarchical',
    'skelreg.heads.info_nce',
    'skelreg.heads.prediction',
    'skelreg.heads.variance',
    'skelreg.learner.alternation',
    'skelreg.learner.learner',
    'skelreg.learner.preprocessor',
    'skelreg.necks.classifier',
    'skelreg.necks.projection',
    'skelreg.necks.translation',
    'skelreg.regularizers.adversarial',
    'skelreg.regularizers.certainty',
    'skelreg.regularizers.ensembling',
    'skelreg.regularizers.inpainting',
    'skelreg.regularizers.neighborhood',
    'skelreg.regularizers.virtual_adversarial',
)

_logger = logging.getLogger('skelreg')
_manager: pluggy.PluginManager | None = None
_loading = False


class CorePlugin:
    """The project's own parts, found by the same hook as an outside author's."""

    @staticmethod
    @hookspecs.hookimpl
    def skelreg_component_modules() -> tuple[str, ...]:
        return CORE_MODULES


def load_core() -> None:
    """Import the project's own components, so that their names are taken before anyone else's."""
    _import_components(CorePlugin.skelreg_component_modules())


def load_plugins() -> pluggy.PluginManager:
    """Load the core and every installed plugin once; later calls return the same manager at once.

    A plugin that fails is recorded in `skelreg.provenance.LOAD_FAILURES` and named in one warning;
    `SKELREG_DISABLE_PLUGINS=a,b` (entry-point names) or `all` leaves plugins out.

    Raises:
        PluginError: If a plugin looks a component up while it is being imported.
    """
    global _manager, _loading
    if _manager is not None:
        return _manager
    if _loading:
        raise PluginError(
            'a component was looked up while plugins were still being imported',
            fix='build components inside functions, not at module level',
        )
    _loading = True
    try:
        load_core()
        manager = pluggy.PluginManager(GROUP)
        manager.add_hookspecs(hookspecs)
        manager.register(CorePlugin, name=CORE)
        for entry_point in sorted(metadata.entry_points(group=GROUP), key=lambda e: (e.name, e.value)):
            _load_isolated(manager, entry_point)
        _manager = manager
    finally:
        _loading = False
    return manager


def _load_isolated(manager: pluggy.PluginManager, entry_point: metadata.EntryPoint) -> None:
    """Load one entry point; whatever it raises becomes data."""
    if _is_disabled(entry_point.name):
        _record(entry_point, f'left out by {DISABLE}')
        return
    try:
        _load(manager, entry_point)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # a plugin may even call sys.exit on import
        text = str(error) if isinstance(error, PluginError) else f'{type(error).__name__}: {error}'
        reason = '; '.join(line.strip() for line in text.splitlines())
        failure = _record(entry_point, reason, traceback.format_exc())
        if not _is_quiet():
            _logger.warning(
                '%s. Configs that do not use it are unaffected; %s=%s silences this.',
                failure,
                DISABLE,
                entry_point.name,
            )


def _load(manager: pluggy.PluginManager, entry_point: metadata.EntryPoint) -> None:
    """Register one plugin with its components and layouts, or raise and leave no name of it behind."""
    if manager.has_plugin(entry_point.name):
        raise PluginError(
            f"the plugin name '{entry_point.name}' is taken",
            fix='uninstall one of the two distributions that use it',
        )
    package = entry_point.module.partition('.')[0]
    distribution = entry_point.dist
    if distribution is not None:
        credit(package, distribution.name, distribution.version)
    try:
        plugin = entry_point.load()
        check_plugin(plugin)
        _import_components(_call(plugin, 'skelreg_component_modules'))
        layouts = [Path(path).resolve() for path in _call(plugin, 'skelreg_layouts')]
        for path in layouts:
            read_layout(path)  # all of them, before the first one is known by its name
        for path in layouts:
            add_layout_file(path)
        manager.register(plugin, name=entry_point.name)
    except BaseException:
        for registry in ALL.values():
            registry.withdraw(package)
        raise


def check_plugin(plugin: Any) -> None:
    """Refuse a plugin of another API version, and hooks that are misspelt, unmarked or absent.

    Raises:
        PluginError: With the offending name and the hooks there are.
    """
    wanted = getattr(plugin, 'SKELREG_PLUGIN_API', hookspecs.SKELREG_PLUGIN_API)
    if wanted != hookspecs.SKELREG_PLUGIN_API:
        raise PluginError(
            'it asks for another version of the extension API',
            got=wanted,
            accepted=hookspecs.SKELREG_PLUGIN_API,
            fix='install a version of the plugin, or of skelreg, that fits',
        )
    known = [name for name in vars(hookspecs) if name.startswith(_PREFIX)]
    functions = {name: value for name in dir(plugin) if callable(value := getattr(plugin, name))}
    marked = {name for name, value in functions.items() if hasattr(value, f'{GROUP}_impl')}
    named = {name for name in functions if name.startswith(_PREFIX)}
    for name in sorted((marked | named).difference(known)):
        near = difflib.get_close_matches(name, known, n=1)
        raise PluginError(
            f"'{name}' is no hook of skelreg",
            accepted=', '.join(known),
            fix=f"did you mean '{near[0]}'?" if near else 'remove the function or its @hookimpl marker',
        )
    for name in sorted(named - marked):
        raise PluginError(f"'{name}' is not marked", fix='decorate it with @skelreg.hookspecs.hookimpl')
    if not marked:
        raise PluginError('it implements no hook of skelreg', accepted=', '.join(known))


def _is_disabled(name: str) -> bool:
    disabled = {part.strip() for part in os.environ.get(DISABLE, '').split(',')}
    return 'all' in disabled or name in disabled


def _is_quiet() -> bool:
    """Whether another process already speaks for this one: rank 0, or the parent of a worker."""
    return os.environ.get('RANK', '0') != '0' or multiprocessing.parent_process() is not None


def _record(entry_point: metadata.EntryPoint, reason: str, details: str = '') -> LoadFailure:
    dist = entry_point.dist
    name, version = (dist.name, dist.version) if dist is not None else ('unknown', '?')
    failure = LoadFailure(entry_point.name, name, version, reason, details)
    LOAD_FAILURES.append(failure)
    return failure


def _call(plugin: Any, hook: str) -> list[Any]:
    implementation = getattr(plugin, hook, None)
    return list(implementation()) if implementation is not None else []


def _import_components(modules: Iterable[str]) -> None:
    for module in modules:
        importlib.import_module(module)
