"""A package to begin with works as it is written, whatever its kind."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from skelreg import testing
from skelreg.datasets.cards import load_card
from skelreg.datasets.prepare import prepare
from skelreg.errors import ConfigError
from skelreg.registry import MODELS
from skelreg.runner import load_config
from skelreg.scaffold.plugin import KINDS, write_plugin
from tests.core.conftest import Site, load, site
from tests.runs import ROOT, run_tool

__all__ = ['load', 'site']
Load = Callable[[], Any]


def make_known(site: Site, kind: str) -> Path:
    """Write the package `demo_<kind>` into the site's folder and its metadata beside it."""
    site.install(f'skelreg_demo_{kind}')
    for file in (site.folder / f'skelreg_demo_{kind}').iterdir():
        file.unlink()
    (site.folder / f'skelreg_demo_{kind}').rmdir()
    package = site.folder.parent / f'demo_{kind}'
    assert run_tool('new_plugin', f'demo_{kind}', '--kind', kind, '--out', str(package)) == 0
    (package / f'skelreg_demo_{kind}').rename(site.folder / f'skelreg_demo_{kind}')
    return package


@pytest.mark.parametrize('kind', KINDS)
def test_component_to_begin_with_keeps_its_contract(site: Site, load: Load, kind: str) -> None:
    make_known(site, kind)
    load()
    [entry] = testing.registered(f'skelreg_demo_{kind}')
    assert (entry.kind, entry.name) == (kind, f'Demo{kind.capitalize()}')
    entry.check()


@pytest.mark.parametrize('kind', [kind for kind in KINDS if kind != 'reader'])
def test_config_to_begin_with_builds_a_model_with_the_component(site: Site, load: Load, kind: str) -> None:
    package = make_known(site, kind)
    load()
    model = MODELS.build(load_config(package / 'configs' / f'demo_{kind}.py').model)
    assert f'Demo{kind.capitalize()}' in {type(module).__name__ for module in model.modules()}


def test_reader_to_begin_with_prepares_its_example(site: Site, load: Load, tmp_path: Path) -> None:
    make_known(site, 'reader')
    load()
    example = site.folder / 'skelreg_demo_reader' / 'example'
    prepared = prepare(load_card(example / 'card.yaml'), example, tmp_path / 'archive')
    assert prepared.archive.index['subject'].tolist() == [1, 2]
    assert prepared.archive.index['label'].tolist() == [0, 1]


def test_package_is_installed_by_pip_and_passes_its_own_test(tmp_path: Path) -> None:
    package, target = tmp_path / 'demo_head', tmp_path / 'site'
    write_plugin('demo_head', 'head', package, checkout=ROOT)
    install = ['pip', 'install', '--no-index', '--no-deps', '--no-build-isolation', '--target', str(target)]
    environment = {**os.environ, 'PYTHONPATH': os.pathsep.join([str(target), str(ROOT)])}

    def run(*arguments: str) -> str:
        command = [sys.executable, '-m', *arguments]
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, env=environment, cwd=tmp_path
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    run(*install, str(package))
    assert '2 passed' in run('pytest', '-p', 'no:cacheprovider', str(package))


def test_paths_are_relative_inside_the_checkout(tmp_path: Path) -> None:
    (tmp_path / 'build').mkdir()
    write_plugin('demo', 'head', tmp_path / 'build' / 'demo', checkout=tmp_path)
    assert "'../../../configs/skeletonclr" in (tmp_path / 'build/demo/configs/demo.py').read_text()


@pytest.mark.parametrize('name', ['Demo', 'demo-net', '2demo', 'class', 'demo__net', ''])
def test_name_that_no_package_can_have_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigError, match='cannot be the name'):
        write_plugin(name, 'head', tmp_path / 'out', checkout=ROOT)


def test_name_of_a_known_component_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="'Rotate' is a name of skelreg"):
        write_plugin('rotate', 'augmentation', tmp_path / 'out', checkout=ROOT)


def test_folder_with_something_in_it_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / 'mine.txt').write_text('mine')
    with pytest.raises(ConfigError, match='the folder is in use'):
        write_plugin('demo', 'head', tmp_path, checkout=ROOT)
    assert [path.name for path in tmp_path.iterdir()] == ['mine.txt']


def test_unknown_kind_is_answered_with_the_closest(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match='Closest: backbone'):
        write_plugin('demo', 'bakbone', tmp_path / 'out', checkout=ROOT)


def test_the_current_folder_is_left_where_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for out in (Path('.'), tmp_path):
        with pytest.raises(ConfigError, match=r'place of the current folder(.|\n)*fix: --out demo'):
            write_plugin('demo', 'head', out, checkout=ROOT)
    assert not list(tmp_path.iterdir())
