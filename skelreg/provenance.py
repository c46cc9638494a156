"""Where a registered name came from, and why a plugin that should bring one did not load."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import metadata

from . import __version__

#: Package and distribution of the project itself.
CORE = 'skelreg'


@dataclass(frozen=True)
class Origin:
    """Where a registered name came from."""

    module: str
    distribution: str
    version: str


@dataclass(frozen=True)
class LoadFailure:
    """A plugin that could not be loaded; kept so that a missing name can be explained.

    Attributes:
        plugin: Name of its entry point.
        distribution: The distribution that declares the entry point.
        version: The distribution's version.
        reason: One line.
        traceback: What Python would have printed, empty where nothing was raised.
    """

    plugin: str
    distribution: str
    version: str
    reason: str
    traceback: str = ''

    def __str__(self) -> str:
        return f"plugin '{self.plugin}' ({self.distribution} {self.version}) failed to load: {self.reason}"

    def in_full(self) -> str:
        """The sentence, and where the plugin raised."""
        places = [line.strip() for line in self.traceback.splitlines() if line.startswith('  File ')]
        return f'{self} ({places[-1]})' if places else str(self)


#: Filled by the plugin manager, read by whoever has to explain a missing name.
LOAD_FAILURES: list[LoadFailure] = []

_distribution_of_package: dict[str, tuple[str, str]] = {CORE: (CORE, __version__)}


def distribution_of(module: str) -> tuple[str, str]:
    """(distribution, version) that a module was installed from; a loose file counts as itself."""
    package = module.partition('.')[0]
    if package not in _distribution_of_package:
        names = metadata.packages_distributions().get(package, [])
        known = (names[0], metadata.version(names[0])) if names else (package, 'not installed')
        _distribution_of_package[package] = known
    return _distribution_of_package[package]


def title_of(component: object) -> str:
    """'CTRGCN (skelreg-ctrgcn 0.1.0)', for messages about what a component does."""
    kind = type(component)
    distribution, version = distribution_of(kind.__module__)
    return f'{kind.__name__} ({distribution} {version})'


def credit(package: str, distribution: str, version: str) -> None:
    """Note which distribution a package belongs to; editable installs do not always record it."""
    _distribution_of_package.setdefault(package, (distribution, version))
