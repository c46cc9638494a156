"""The whole extension API. A plugin implements any of these hooks in its package's `__init__`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pluggy

#: A plugin may set `SKELREG_PLUGIN_API = 1`; a plugin that asks for another version is not loaded.
SKELREG_PLUGIN_API = 1

hookspec = pluggy.HookspecMarker('skelreg')
hookimpl = pluggy.HookimplMarker('skelreg')


@hookspec
def skelreg_component_modules() -> Iterable[str]:
    """Dotted names of modules whose import runs `@REGISTRY.register_module()` decorators."""
    raise NotImplementedError


@hookspec
def skelreg_layouts() -> Iterable[Path]:
    """Paths of extra skeleton layout files (YAML), each found by its stem."""
    raise NotImplementedError


@hookspec
def skelreg_examples() -> Mapping[str, Mapping[str, Any]]:
    """How `skelreg.testing` is to check components of the plugin: name -> keyword arguments of the check.

    Only what the check cannot do without, or what makes it quick: `cfg` with the component's own arguments
    (the `type` is added), `layout`, `own_draw`, and for a reader `path` and `dataset`.
    """
    raise NotImplementedError
