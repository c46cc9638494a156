"""Write a plugin package: setup.py, hooks, a small component that works, its contract test, a config."""

from __future__ import annotations

import keyword
import os
import re
import shutil
import tempfile
from importlib import resources
from pathlib import Path
from string import Template

from .. import __version__
from ..errors import ConfigError, closest
from ..graphs import get_layout
from ..hookspecs import SKELREG_PLUGIN_API
from ..registry import ALL

#: What a package can begin with; the module that holds the component is named after its kind.
KINDS = ('backbone', 'augmentation', 'head', 'regularizer', 'reader')
_CONFIG_USE = """From the checkout of skelreg:

    python tools/train.py {config} --synthetic"""
_READER_USE = """From the checkout of skelreg:

    python tools/prepare_data.py {card} --source {example} --out data/{plugin}"""


def write_plugin(name: str, kind: str, out: Path, checkout: Path) -> list[Path]:
    """Write a package of one component; it appears whole or not at all.

    Args:
        name: Snake case, 'demo_backbone' say; the distribution is skelreg-demo-backbone, the class
            DemoBackbone.
        kind: One of `KINDS`.
        out: Folder of the package; it must not exist, or be empty.
        checkout: Root of the skelreg checkout, whose configs the package's config builds upon.

    Returns:
        The files, sorted.

    Raises:
        ConfigError: If the kind is unknown, the name cannot be one or is taken, or the folder is in use or
            the current one, whose place the package would take.
    """
    if kind not in KINDS:
        raise ConfigError(f"there is no kind '{kind}' to begin with", accepted=closest(kind, KINDS))
    class_name = _class_name(name, kind)
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise ConfigError('the folder is in use', got=out, accepted='a new or an empty one', where='--out')
    if out.resolve() == Path.cwd():
        raise ConfigError(
            'a package cannot take the place of the current folder', got=out, where='--out',
            fix=f'--out {name}',
        )
    words = dict(
        plugin=name,
        package=f'skelreg_{name}',
        distribution=f'skelreg-{name.replace("_", "-")}',
        title=name.replace('_', ' ').capitalize(),
        class_name=class_name,
        kind=kind,
        api=str(SKELREG_PLUGIN_API),
        core_version=__version__,
        configs=_path_to(checkout / 'configs', out / 'configs', checkout),
    )
    shown = _path_to(out, Path.cwd(), checkout)
    if kind == 'reader':
        example = f'{shown}/{words["package"]}/example'
        words['use'] = _READER_USE.format(card=f'{example}/card.yaml', example=example, plugin=name)
    else:
        words['use'] = _CONFIG_USE.format(config=f'{shown}/configs/{name}.py')
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=f'.{out.name}.') as beside:
        folder = Path(beside, 'package')
        for path, template in _files(words).items():
            file = folder / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(_fill(template, words), encoding='utf-8')
        if kind == 'reader':
            _write_example(folder / words['package'] / 'example')
        shutil.copymode(out.parent, folder)
        folder.replace(out)  # an empty folder of that name gives way
    return sorted(path for path in out.rglob('*') if path.is_file())


def _class_name(name: str, kind: str) -> str:
    """'DemoBackbone' for 'demo_backbone'; refuses what cannot be a package, and names that are taken."""
    if not re.fullmatch(r'[a-z][a-z0-9]*(_[a-z0-9]+)*', name) or keyword.iskeyword(name):
        raise ConfigError(
            f"'{name}' cannot be the name of a plugin",
            accepted='small letters, digits and _, demo_backbone say',
        )
    class_name = ''.join(word.capitalize() for word in name.split('_'))
    if class_name in ALL[kind]:
        holder = ALL[kind].origin(class_name).distribution
        raise ConfigError(
            f"{kind} '{class_name}' is a name of {holder}", got=name, fix='choose another name for the plugin'
        )
    return class_name


def _path_to(target: Path, start: Path, checkout: Path) -> str:
    """Relative where both lie in the checkout, so that the checkout can be moved; else in full."""
    target, start = target.resolve(), start.resolve()
    is_inside = all(path.is_relative_to(checkout.resolve()) for path in (target, start))
    return Path(os.path.relpath(target, start)).as_posix() if is_inside else target.as_posix()


def _files(words: dict[str, str]) -> dict[str, str]:
    """Path in the package -> template."""
    kind, package = words['kind'], words['package']
    files = {
        'setup.py': 'setup.py',
        'README.md': 'README.md',
        f'{package}/__init__.py': 'init_reader.py' if kind == 'reader' else 'init.py',
        f'{package}/{kind}.py': f'{kind}.py',
        'tests/test_contract.py': 'test_contract.py',
    }
    if kind == 'reader':
        files[f'{package}/example/card.yaml'] = 'card_reader.yaml'
    else:
        files[f'configs/{words["plugin"]}.py'] = f'config_{kind}.py'
    return files


def _fill(template: str, words: dict[str, str]) -> str:
    text = resources.files(__package__).joinpath('templates', f'{template}.txt').read_text(encoding='utf-8')
    return Template(text).substitute(words)


def _write_example(folder: Path) -> None:
    """Two tiny raw files in the format of the reader to begin with."""
    num_joints = get_layout('nucla').num_joints
    for label, subject in ((0, 1), (1, 2)):
        rows = [_frame(num_joints, shift=frame * label / 100) for frame in range(4)]
        text = '\n'.join([f'{label} {subject} {len(rows)}', *rows]) + '\n'
        (folder / f'recording_{subject}.skel.txt').write_text(text, encoding='utf-8')


def _frame(num_joints: int, shift: float) -> str:
    return ' '.join(f'{joint / 10 + shift:.2f} {joint / 20:.2f} 1.00' for joint in range(num_joints))
