"""List every component that a config can name: its kind, name, module, distribution and first doc line.

Plugins that failed to load are named below the table with the reason; --json adds their tracebacks.
"""

from __future__ import annotations

import argparse
import dataclasses
import inspect
import json
import sys
from typing import TYPE_CHECKING

from skelreg.cli import run_tool

if TYPE_CHECKING:
    from skelreg.registry import ComponentRegistry


def parse_arguments() -> argparse.Namespace:
    """Command line; answers --help without importing anything heavy."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('kind', nargs='?', help='only this kind: backbone, head, ... (default: all)')
    parser.add_argument('--json', action='store_true', help='print JSON in place of the table')
    return parser.parse_args()


def describe(kind: str, registry: ComponentRegistry) -> list[dict[str, str]]:
    """One row per name of a registry."""
    rows = []
    for name in registry.names():
        origin = registry.origin(name)
        doc = inspect.getdoc(registry.find(name)) or ''
        rows.append({'name': name, 'kind': kind, **dataclasses.asdict(origin), 'doc': doc.partition('\n')[0]})
    return rows


def choose(kind: str | None) -> dict[str, ComponentRegistry]:
    """The registries to list."""
    from skelreg.errors import ConfigError, closest
    from skelreg.registry import ALL

    if kind is None:
        return ALL
    if kind not in ALL:
        raise ConfigError(f"there is no kind '{kind}'", accepted=closest(kind, ALL))
    return {kind: ALL[kind]}


def print_table(rows: list[dict[str, str]]) -> None:
    """A table for readers; a pipe gets every line unfolded."""
    from rich import box
    from rich.console import Console
    from rich.table import Table

    table = Table(box=box.SIMPLE)
    for column in ('kind', 'name', 'module', 'from'):
        table.add_column(column, overflow='fold')
    table.add_column('what it is', ratio=1)
    for row in rows:
        source = f'{row["distribution"]} {row["version"]}'
        table.add_row(row['kind'], row['name'], row['module'], source, row['doc'])
    console = Console(width=None if sys.stdout.isatty() else 240, markup=False, highlight=False)
    console.print(table)


def main() -> None:
    arguments = parse_arguments()
    from skelreg.provenance import LOAD_FAILURES

    rows = [row for kind, registry in choose(arguments.kind).items() for row in describe(kind, registry)]
    if arguments.json:
        failures = [dataclasses.asdict(failure) for failure in LOAD_FAILURES]
        print(json.dumps({'components': rows, 'failures': failures}, indent=2))
        return
    print_table(rows)
    for failure in LOAD_FAILURES:
        print(failure.in_full())


if __name__ == '__main__':
    sys.exit(run_tool(main))
