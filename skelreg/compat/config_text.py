"""A config as text, or a sentence that says which value has no text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from mmengine.config import Config

from ..errors import ConfigError

_PLAIN = (str, int, float, bool, type(None), type)


def config_text(cfg: Config) -> str:
    """The config as Python source, for the work directory and the checkpoint.

    Raises:
        ConfigError: If a value cannot be written down (a lambda, an array); MMEngine would raise
            a bare SyntaxError when the training starts.
    """
    strange = list(_not_plain(cfg.to_dict(), ''))
    if strange:
        place, value = strange[0]
        raise ConfigError(
            'a config holds plain values only', got=f'{type(value).__name__} {value!r}'[:120], where=place,
            accepted='numbers, strings, booleans, None, and lists, tuples and dicts of them',
            fix='register the function or class under a name and write that name',
        )
    try:
        return str(cfg.pretty_text)
    except SyntaxError as error:
        raise ConfigError(
            'the config cannot be written down as text', got=str(error).splitlines()[0],
            where=str(cfg.filename or 'config'),
        ) from error


def _not_plain(value: Any, place: str) -> Iterator[tuple[str, Any]]:
    """(dotted path, value) of everything that has no literal."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _not_plain(item, f'{place}.{key}' if place else str(key))
    elif isinstance(value, (list, tuple, set)):
        for index, item in enumerate(value):
            yield from _not_plain(item, f'{place}[{index}]')
    elif not isinstance(value, _PLAIN):
        yield place, value
