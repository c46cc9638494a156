"""What every command-line tool shares."""

from __future__ import annotations

import argparse
import ast
import sys
from collections.abc import Callable, Iterable
from typing import Any

from .errors import ConfigError, SkelregError

USER_ERROR, INTERRUPTED = 2, 130


def run_tool(main: Callable[[], int | None]) -> int:
    """Run a tool's main function and return its exit status.

    A mistake of the user's is printed without a traceback (status 2), Ctrl-C without one as well
    (130); any other exception is a bug and keeps its traceback.
    """
    try:
        return main() or 0
    except SkelregError as error:
        print(f'error: {error}', file=sys.stderr)
        return USER_ERROR
    except KeyboardInterrupt:
        print('interrupted', file=sys.stderr)
        return INTERRUPTED


def add_config_arguments(parser: argparse.ArgumentParser) -> None:
    """What every tool that reads a config takes besides: `--synthetic` and `--cfg-options`."""
    parser.add_argument(
        '--synthetic', nargs='?', type=int, const=512, metavar='N',
        help='replace the data by N (default 512) generated sequences of the same layout, classes and shape',
    )
    parser.add_argument(
        '--cfg-options', nargs='+', default=[], metavar='KEY=VALUE',
        help='change config entries, model.backbone.dropout=0.3 say',
    )


def parse_options(options: Iterable[str]) -> dict[str, Any]:
    """'a.b=1' 'c=[1,2]' 'd=text' to {'a.b': 1, 'c': [1, 2], 'd': 'text'}.

    Raises:
        ConfigError: If an option has no '=' or no key.
    """
    parsed = {}
    for option in options:
        key, separator, value = option.partition('=')
        if not separator or not key.strip():
            raise ConfigError(
                'a config option is no KEY=VALUE',
                got=repr(option),
                accepted='model.backbone.dropout=0.3',
                where='--cfg-options',
            )
        parsed[key.strip()] = literal(value)
    return parsed


def literal(text: str) -> Any:
    """A Python literal where it is one, else the text itself."""
    try:
        return ast.literal_eval({'true': 'True', 'false': 'False', 'null': 'None'}.get(text, text))
    except (ValueError, SyntaxError):
        return text
