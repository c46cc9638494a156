"""Contracts of everything that is registered, whoever brought it."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..errors import PluginError
from ..plugin_manager import load_plugins
from ..provenance import distribution_of
from ..registry import ALL
from .augmentations import check_augmentation, check_policy
from .encoders import check_backbone, check_neck
from .readers import check_reader
from .terms import check_head, check_regularizer

#: Kind -> the check of its contract. The other kinds are MMEngine's and have no contract of ours.
CHECKS: dict[str, Callable[..., None]] = {
    'backbone': check_backbone,
    'neck': check_neck,
    'head': check_head,
    'regularizer': check_regularizer,
    'augmentation': check_augmentation,
    'policy': check_policy,
    'reader': check_reader,
}


@dataclass(frozen=True)
class Registered:
    """A registered component with a contract.

    Attributes:
        kind: 'backbone', 'head', ...
        name: The shortest spelling that a config can use.
        distribution: What it was installed from.
        example: Keyword arguments of its check, as its plugin gives them in `skelreg_examples`.
    """

    kind: str
    name: str
    distribution: str
    example: Mapping[str, Any] = field(default_factory=dict)

    def check(self) -> None:
        """Check the contract of its kind.

        Raises:
            ContractError: With the first broken clause.
            PluginError: If the check needs an example (a reader's raw files) and the plugin gives none.
        """
        check, arguments = CHECKS[self.kind], dict(self.example)
        cfg = {'type': self.name, **arguments.pop('cfg', {})}
        if self.kind == 'reader' and not {'path', 'dataset'} <= arguments.keys():
            raise PluginError(
                f"reader '{self.name}' has no example to be checked with",
                got=f'example with {sorted(arguments) or "nothing"}',
                accepted='path (a folder with a few raw files) and dataset (a card)',
                where=self.distribution,
                fix=f"return {{'{self.name}': dict(path=..., dataset=...)}} from skelreg_examples",
            )
        check(cfg, **arguments)


def registered(distribution: str | None = None) -> list[Registered]:
    """Every registered component with a contract, or those of one distribution."""
    examples = _examples()
    return [
        Registered(kind, name, source, examples.get((source, name.rpartition('.')[2]), {}))
        for kind in CHECKS
        for name in ALL[kind].names()
        if (source := ALL[kind].origin(name).distribution) and distribution in (None, source)
    ]


def unused_examples(distribution: str) -> list[str]:
    """Names in a distribution's `skelreg_examples` under which it registered nothing."""
    known = {entry.name.rpartition('.')[2] for entry in registered(distribution)}
    return sorted(name for source, name in _examples() if source == distribution and name not in known)


def _examples() -> dict[tuple[str, str], Mapping[str, Any]]:
    """(distribution, name) -> example."""
    manager = load_plugins()
    return {
        (distribution_of(_module(plugin))[0], name): example
        for _, plugin in manager.list_name_plugin()
        if hasattr(plugin, 'skelreg_examples')
        for name, example in plugin.skelreg_examples().items()
    }


def _module(plugin: Any) -> str:
    """A plugin is a module mostly, but any object with hooks will do."""
    name: str = plugin.__name__ if inspect.ismodule(plugin) else plugin.__module__
    return name
