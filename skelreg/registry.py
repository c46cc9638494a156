"""Registries turn the names in a config into classes, and mistakes in a config into plain sentences."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from contextvars import ContextVar
from typing import Any

import mmengine.registry as mmengine_registries
from mmengine.registry import Registry

from .errors import ConfigError, PluginError, SkelregError, closest
from .provenance import CORE, LOAD_FAILURES, Origin, distribution_of

_PLUGIN_MANAGER = 'skelreg.plugin_manager'  # imported late: it stands above this module

_config_path: ContextVar[tuple[str, ...]] = ContextVar('config_path', default=())


@contextmanager
def config_path(part: str) -> Iterator[None]:
    """Name the part of the config that is being built, for error messages inside the block."""
    token = _config_path.set((*_config_path.get(), part))
    try:
        yield
    finally:
        _config_path.reset(token)


def current_path(*parts: str) -> str:
    """The dotted config path of what is being built, 'model.heads.info_nce' say."""
    return '.'.join((*_config_path.get(), *parts)) or 'config'


class ComponentRegistry(Registry):
    """MMEngine's registry with contracts, provenance, keyword checks and errors that help.

    A component can be named `Name` or `<package>.<Name>`. A name of skelreg itself cannot be taken
    by anyone else; if two other packages register one name, it becomes ambiguous and only the long
    spellings work.

    Args:
        name: Singular noun used in messages: 'backbone', 'head', ...
        contract: 'module:Class' of the base class that every component must extend, or None.
        parent: MMEngine's registry to hang below, for parts that MMEngine's Runner builds.
    """

    def __init__(self, name: str, contract: str | None = None, parent: Registry | None = None) -> None:
        super().__init__(name, parent=parent, scope=CORE)
        self._contract = contract
        self._holders: dict[str, dict[str, Any]] = {}  # plain name -> package -> class

    @property
    def contract(self) -> type | None:
        """The base class that components of this kind extend."""
        if self._contract is None:
            return None
        module, _, attribute = self._contract.partition(':')
        base: type = getattr(importlib.import_module(module), attribute)
        return base

    def _register_module(
        self, module: Any, module_name: str | list[str] | None = None, force: bool = False
    ) -> None:
        """Refuse what breaks the contract and what would take another's name."""
        spelling = f'{module.__module__}.{module.__name__}'
        if force:
            raise PluginError(
                f"{self.name} '{module.__name__}' may not override a registered name",
                where=spelling,
                fix='drop force=True and give the class another name',
            )
        self._check_contract(module, what=spelling)
        package = _package_of(module)
        if package != CORE:
            importlib.import_module(_PLUGIN_MANAGER).load_core()  # its names are taken before anyone else's
        names = [module_name] if isinstance(module_name, str) else module_name or [module.__name__]
        for name in names:
            self._claim(name, package, module)

    def _claim(self, name: str, package: str, module: Any) -> None:
        holders = self._holders.setdefault(name, {})
        if holders.get(package, module) is not module:
            other = holders[package]
            raise PluginError(
                f"{self.name} '{package}.{name}' is already registered",
                got=f'{module.__module__}.{module.__name__}',
                accepted=f'a name other than that of {other.__module__}.{other.__name__}',
                fix='rename one of the two classes',
            )
        if CORE in holders and package != CORE:
            raise PluginError(
                f"{self.name} '{name}' is a name of skelreg itself and cannot be overridden",
                got=f'{module.__module__}.{module.__name__}',
                accepted='a name that skelreg does not use',
                fix=f"rename it, '{package.title().replace('_', '')}{name}' say",
            )
        holders[package] = module
        self._refresh(name)

    def withdraw(self, package: str) -> None:
        """Forget every name of a package: a plugin is loaded whole or not at all."""
        for name, holders in self._holders.items():
            if holders.pop(package, None) is not None:
                del self._module_dict[f'{package}.{name}']
                self._refresh(name)

    def _refresh(self, name: str) -> None:
        """Bring MMEngine's table in line with the holders of a name."""
        holders = self._holders[name]
        self._module_dict.pop(name, None)
        self._module_dict.update({f'{package}.{name}': cls for package, cls in holders.items()})
        if len(holders) == 1:
            self._module_dict[name] = next(iter(holders.values()))

    def _check_contract(self, module: Any, what: str) -> None:
        base = self.contract
        if base is not None and not (inspect.isclass(module) and issubclass(module, base)):
            bases = module.__bases__ if inspect.isclass(module) else [type(module)]
            raise ConfigError(
                f'{what} is no {self.name}',
                got=f'a class that extends {", ".join(b.__name__ for b in bases)}',
                accepted=f'a subclass of {base.__module__}.{base.__name__}',
                where=current_path() if _config_path.get() else None,
            )

    def names(self) -> list[str]:
        """The plain names, sorted; ambiguous ones in their long spelling."""
        _load_components()
        return sorted(
            spelling
            for name, holders in self._holders.items()
            for spelling in ([name] if len(holders) == 1 else [f'{package}.{name}' for package in holders])
        )

    def origin(self, name: str) -> Origin:
        """Where a name came from."""
        module = self.find(name).__module__
        return Origin(module, *distribution_of(module))

    def find(self, name: str) -> Any:
        """The class behind a name of this registry, of its MMEngine parent, or behind a dotted path.

        Raises:
            ConfigError: If nothing is found; names the closest names, all names, and every plugin
                that failed to load. Also if the name is ambiguous, or a dotted path names
                something that breaks the contract or cannot be imported.
        """
        _load_components()
        key = name.removeprefix(f'{CORE}.') if name.count('.') == 1 else name
        if key in self._module_dict:
            return self._module_dict[key]
        holders = self._holders.get(key)
        if holders:
            raise ConfigError(
                f"{self.name} '{key}' is ambiguous",
                accepted=' or '.join(f"'{package}.{key}'" for package in holders),
                where=current_path('type'),
            )
        found = self._parents_names().get(key.removeprefix('mmengine.'))
        if found is None:
            found = self._import_dotted(key)
        if found is None:
            raise self._unknown(name)
        return found

    def get(self, key: str) -> Any:
        """MMEngine's word for `find`: its own builders meet the same errors."""
        return self.find(key)

    def __contains__(self, key: object) -> bool:
        _load_components()
        return key in self._module_dict or key in self._parents_names()

    def _parents_names(self) -> dict[str, Any]:
        if self.parent is None:
            return {}
        self.parent.import_from_location()
        table: dict[str, Any] = self.parent.module_dict
        return table

    def _import_dotted(self, key: str) -> Any:
        """A class named by its import path, checked against the contract; None if there is none."""
        module_name, _, attribute = key.rpartition('.')
        if not module_name:
            return None
        try:
            found = getattr(importlib.import_module(module_name), attribute, None)
        except ImportError as error:
            if isinstance(error, ModuleNotFoundError) and f'{module_name}.'.startswith(f'{error.name}.'):
                return None
            raise ConfigError(
                f"{self.name} '{key}' cannot be imported",
                got=f'{type(error).__name__}: {error}',
                where=current_path('type'),
                fix='install what the module needs',
            ) from error
        if found is not None:
            self._check_contract(found, what=key)
        return found

    def _unknown(self, name: str) -> ConfigError:
        known = [*self.names(), *self._parents_names()]
        failures = ''.join(f'\n    {failure.in_full()}' for failure in LOAD_FAILURES)
        return ConfigError(
            f"{self.name} '{name}' is not registered",
            accepted=closest(name, known) + failures,
            where=current_path('type'),
            fix='mend the name, repair the plugin that brings it, or add its module to custom_imports',
        )

    def build(self, cfg: Any, *args: Any, where: str | None = None, **context: Any) -> Any:
        """Build one component from its config; an instance that fits the contract is passed through.

        Args:
            cfg: A dict with `type` (a name or a class), or an instance.
            where: The part of the config path that this component adds ('backbone').
            context: Values that the parent knows (layout, in_channels): each is given to the
                constructor where its signature has that name and the config does not set it.
        Raises:
            ConfigError: If the type is unknown, breaks the contract, or its constructor refuses
                the arguments; names the place in the config.
        """
        with config_path(where) if where else nullcontext():
            if not isinstance(cfg, Mapping):
                return self._pass_through(cfg)
            arguments = dict(cfg)
            kind = arguments.pop('type', None)
            if kind is None:
                raise ConfigError(
                    f'{self.name} config has no type',
                    got=dict(cfg),
                    accepted=f'type=one of {", ".join(self.names())}',
                    where=current_path(),
                )
            if isinstance(kind, str):
                kind = self.find(kind)
            else:
                self._check_contract(kind, what=getattr(kind, '__name__', repr(kind)))
            signature = _signature(kind)
            for key, value in context.items():
                if key in signature.parameters:
                    arguments.setdefault(key, value)
            check_arguments(signature, arguments, name=f'{self.name} {kind.__name__}')
            return _construct(kind, arguments)

    def _pass_through(self, instance: Any) -> Any:
        if instance is None or isinstance(instance, (str, list, tuple, int, float)):
            raise ConfigError(
                f'{self.name} needs a dict with a type',
                got=repr(instance),
                accepted="dict(type='Name', ...)",
                where=current_path(),
            )
        if self.contract is not None:
            self._check_contract(type(instance), what=type(instance).__name__)
        return instance


def _package_of(module: Any) -> str:
    package: str = module.__module__.partition('.')[0]
    return package


def _signature(kind: Any) -> inspect.Signature:
    """The constructor's signature; empty where a class leaves the constructor to torch's Module,
    whose `**kwargs` would let a misspelt argument pass."""
    if getattr(getattr(kind, '__init__', None), '__module__', '') == 'torch.nn.modules.module':
        return inspect.Signature()
    return inspect.signature(kind)


def _construct(kind: Callable[..., Any], arguments: dict[str, Any]) -> Any:
    """Call the constructor, and add the place in the config to what it objects to."""
    place = current_path(f'type={kind.__name__}')
    try:
        return kind(**arguments)
    except SkelregError as error:
        error.where = error.where or place
        raise
    except ValueError as error:
        raise ConfigError(str(error), where=place) from error
    except TypeError as error:  # the names are checked by now, so it is a value, most likely
        fix = 'check the types of the values'
        raise ConfigError(f'TypeError: {error}', got=arguments, where=place, fix=fix) from error


def check_arguments(signature: inspect.Signature, arguments: Mapping[str, Any], name: str) -> None:
    """Refuse unknown and missing keyword arguments before anything is constructed."""
    parameters = signature.parameters
    named = {key: p for key, p in parameters.items() if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)}
    takes_any = any(p.kind is p.VAR_KEYWORD for p in parameters.values())
    unknown = [] if takes_any else [key for key in arguments if key not in named]
    if unknown:
        raise ConfigError(
            f"{name} takes no argument '{unknown[0]}'",
            accepted=closest(unknown[0], named),
            where=current_path(unknown[0]),
        )
    missing = [key for key, p in named.items() if p.default is p.empty and key not in arguments]
    if missing:
        raise ConfigError(
            f'{name} lacks the argument {", ".join(repr(key) for key in missing)}',
            got=f'arguments {sorted(arguments)}',
            accepted=f'{name}{signature}',
            where=current_path(missing[0]),
        )


def _load_components() -> None:
    """Importing skelreg registers nothing; the first look-up imports what plugins name."""
    importlib.import_module(_PLUGIN_MANAGER).load_plugins()


BACKBONES = ComponentRegistry('backbone', 'skelreg.backbones.base:Backbone')
NECKS = ComponentRegistry('neck', 'skelreg.necks.base:Neck')
HEADS = ComponentRegistry('head', 'skelreg.heads.base:Head')
REGULARIZERS = ComponentRegistry('regularizer', 'skelreg.regularizers.base:Regularizer')
AUGMENTATIONS = ComponentRegistry('augmentation', 'skelreg.augmentations.base:Augmentation')
POLICIES = ComponentRegistry('policy', 'skelreg.augmentations.base:Policy')
READERS = ComponentRegistry('reader', 'skelreg.datasets.readers.base:Reader')

MODELS = ComponentRegistry('model', parent=mmengine_registries.MODELS)
DATASETS = ComponentRegistry('dataset', parent=mmengine_registries.DATASETS)
TRANSFORMS = ComponentRegistry('transform', parent=mmengine_registries.TRANSFORMS)
HOOKS = ComponentRegistry('hook', parent=mmengine_registries.HOOKS)
LOOPS = ComponentRegistry('loop', parent=mmengine_registries.LOOPS)
METRICS = ComponentRegistry('metric', parent=mmengine_registries.METRICS)
FUNCTIONS = ComponentRegistry('function', parent=mmengine_registries.FUNCTIONS)
OPTIM_WRAPPERS = ComponentRegistry('optimizer wrapper', parent=mmengine_registries.OPTIM_WRAPPERS)
DATA_SAMPLERS = ComponentRegistry('data sampler', parent=mmengine_registries.DATA_SAMPLERS)
OPTIMIZERS = ComponentRegistry('optimizer', parent=mmengine_registries.OPTIMIZERS)
OPTIM_WRAPPER_CONSTRUCTORS = ComponentRegistry(
    'optimizer wrapper constructor', parent=mmengine_registries.OPTIM_WRAPPER_CONSTRUCTORS
)
PARAM_SCHEDULERS = ComponentRegistry('parameter scheduler', parent=mmengine_registries.PARAM_SCHEDULERS)
MODEL_WRAPPERS = ComponentRegistry('model wrapper', parent=mmengine_registries.MODEL_WRAPPERS)
VISBACKENDS = ComponentRegistry('visualization backend', parent=mmengine_registries.VISBACKENDS)

#: Every registry under the word that `tools/list_components.py` and the author's guide use for it.
ALL: dict[str, ComponentRegistry] = {
    'backbone': BACKBONES,
    'neck': NECKS,
    'head': HEADS,
    'regularizer': REGULARIZERS,
    'augmentation': AUGMENTATIONS,
    'policy': POLICIES,
    'reader': READERS,
    'model': MODELS,
    'dataset': DATASETS,
    'transform': TRANSFORMS,
    'hook': HOOKS,
    'loop': LOOPS,
    'metric': METRICS,
    'function': FUNCTIONS,
    'optim_wrapper': OPTIM_WRAPPERS,
    'data_sampler': DATA_SAMPLERS,
    'optimizer': OPTIMIZERS,
    'optim_wrapper_constructor': OPTIM_WRAPPER_CONSTRUCTORS,
    'param_scheduler': PARAM_SCHEDULERS,
    'model_wrapper': MODEL_WRAPPERS,
    'vis_backend': VISBACKENDS,
}
