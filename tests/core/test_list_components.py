from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from .conftest import Site

REPOSITORY = Path(__file__).parents[2]


def run(
    *arguments: str, path: Path | None = None, python: tuple[str, ...] = ()
) -> subprocess.CompletedProcess[str]:
    """Run the tool as a user does, with an extra folder of installed packages."""
    folders = [str(REPOSITORY), *([str(path)] if path else [])]
    return subprocess.run(
        [sys.executable, *python, str(REPOSITORY / 'tools' / 'list_components.py'), *arguments],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, 'PYTHONPATH': os.pathsep.join(folders)},
    )


def test_help_imports_nothing_heavy() -> None:
    result = run('--help', python=('-X', 'importtime'))
    assert result.returncode == 0 and 'usage:' in result.stdout
    assert not any(f' {heavy}\n' in result.stderr for heavy in ('torch', 'mmengine', 'numpy', 'rich'))


def test_json_names_components_with_their_origin_and_plugins_that_failed(site: Site) -> None:
    site.install('skelreg_good')
    site.install('skelreg_bad', "raise RuntimeError('out of luck')")
    listing = json.loads(run('backbone', '--json', path=site.folder).stdout)
    rows = {row['name']: row for row in listing['components']}
    assert rows['STGCN']['distribution'] == 'skelreg'
    assert rows['PluginNet'] == {
        'name': 'PluginNet', 'kind': 'backbone', 'module': 'skelreg_good.nets',
        'distribution': 'skelreg_good', 'version': '1.2', 'doc': 'A net from outside.',
    }
    [failure] = listing['failures']
    assert failure['plugin'] == 'bad' and 'out of luck' in failure['reason']
    assert failure['traceback'].startswith('Traceback')


def test_table_shows_every_kind_and_the_failures(site: Site) -> None:
    site.install('skelreg_bad', "raise RuntimeError('out of luck')")
    result = run(path=site.folder)
    assert result.returncode == 0
    assert 'STGCN' in result.stdout and 'InfoNCEHead' in result.stdout
    assert "plugin 'bad' (skelreg_bad 1.2) failed to load: RuntimeError: out of luck" in result.stdout


def test_unknown_kind_is_answered_with_the_closest() -> None:
    result = run('bakbone')
    assert result.returncode == 2
    assert "there is no kind 'bakbone'" in result.stderr and 'Closest: backbone' in result.stderr
