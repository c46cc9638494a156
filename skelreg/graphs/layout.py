"""What a skeleton is: its joints, bones, centre, mirror pairs and body parts, read from YAML."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from ..errors import ConfigError, closest
from ..plain_yaml import load_yaml

Pair = tuple[int, int]

_FIELDS = ('joints', 'edges', 'centre', 'mirror', 'parts')
_folder = Path(__file__).with_name('layouts')
_files: dict[str, Path] = {path.stem: path for path in sorted(_folder.glob('*.yaml'))}


@dataclass(frozen=True)
class SkeletonLayout:
    """The joints of a skeleton and how they hang together; all indices are 0-based.

    Attributes:
        name: Name in configs, the stem of the file.
        joints: A name for each of the V joints.
        edges: V - 1 bones (child, parent) in the order of the file; together they are a tree.
        centre: The joint that preparation subtracts and around which graph partitions are laid.
        mirror: Pairs (left, right) that a mirror exchanges.
        parts: Body part -> its joints.
    """

    name: str
    joints: tuple[str, ...]
    edges: tuple[Pair, ...]
    centre: int
    mirror: tuple[Pair, ...] = ()
    parts: Mapping[str, tuple[int, ...]] = field(default_factory=dict, hash=False)

    @property
    def num_joints(self) -> int:
        """V."""
        return len(self.joints)

    @cached_property
    def parents(self) -> tuple[int, ...]:
        """The parent of each joint; the root is its own parent, so that its bone is zero."""
        parent_of = dict(self.edges)
        return tuple(parent_of.get(joint, joint) for joint in range(self.num_joints))

    @cached_property
    def flip_index(self) -> tuple[int, ...]:
        """Where each joint of a mirrored skeleton comes from."""
        other = {**dict(self.mirror), **{right: left for left, right in self.mirror}}
        return tuple(other.get(joint, joint) for joint in range(self.num_joints))


def get_layout(layout: str | SkeletonLayout) -> SkeletonLayout:
    """The layout of a name, or of the path of a YAML file; a layout is passed through.

    Raises:
        ConfigError: If no layout has that name; says the closest names and which plugins failed.
    """
    if isinstance(layout, SkeletonLayout):
        return layout
    if is_layout_file(layout):
        return add_layout_file(layout)
    failures = ''
    if layout not in _files:
        plugins = importlib.import_module('skelreg.plugin_manager')
        plugins.load_plugins()
        failures = ''.join(f'\n  {failure}' for failure in plugins.LOAD_FAILURES)
    if layout not in _files:
        raise ConfigError(
            f"skeleton layout '{layout}' does not exist",
            accepted=closest(str(layout), _files) + failures,
            fix='mend the name, or give the path of a layout file (YAML)',
        )
    return read_layout(_files[layout])


def is_layout_file(layout: str) -> bool:
    """Whether this is the path of a layout file rather than a name."""
    return Path(layout).suffix in ('.yaml', '.yml')


def layout_names() -> list[str]:
    """The names of all layouts that are known so far, sorted."""
    return sorted(_files)


def comes_with_skelreg(layout: SkeletonLayout) -> bool:
    """Whether the file is one of skelreg's own, which change with its version only."""
    return layout.name in _files and _files[layout.name].parent == _folder


def add_layout_file(path: str | Path) -> SkeletonLayout:
    """Make a layout file known under its stem; adding the same file again changes nothing.

    Raises:
        ConfigError: If the file is no valid layout, or its name belongs to another file.
    """
    path = Path(path).resolve()
    layout = read_layout(path)
    if _files.setdefault(path.stem, path) != path:
        holder = 'skelreg itself' if comes_with_skelreg(layout) else str(_files[path.stem])
        raise ConfigError(
            f"skeleton layout '{path.stem}' belongs to {holder}",
            where=str(path), fix='give the file another name',
        )
    return layout


@cache
def read_layout(path: Path) -> SkeletonLayout:
    """Read and check one layout file.

    Raises:
        ConfigError: With the file, the key and what is wrong there.
    """
    content = _parse(path)
    joints = _joint_names(content['joints'], path)
    edges = _pairs(content['edges'], joints, path, 'edges', '[child, parent]')
    mirror = _pairs(content.get('mirror') or [], joints, path, 'mirror', '[left, right]')
    _check_tree(edges, joints, path)
    _check_mirror(mirror, joints, path)
    return SkeletonLayout(
        name=path.stem,
        joints=joints,
        edges=edges,
        centre=_index(content['centre'], joints, path, 'centre'),
        mirror=mirror,
        parts=_parts(content.get('parts') or {}, joints, path),
    )


def _parse(path: Path) -> dict[str, Any]:
    try:
        content = load_yaml(path.read_text(encoding='utf-8'))
    except (OSError, UnicodeDecodeError) as error:
        raise _wrong('layout file cannot be read', path, '', got=error) from error
    except ValueError as error:
        raise _wrong('layout file is no valid YAML', path, '', got=error) from error
    if not isinstance(content, dict):
        raise _wrong('layout file holds no mapping', path, '', got=repr(content), accepted=', '.join(_FIELDS))
    for key in content:
        if key not in _FIELDS:
            raise _wrong(f"layout file has no key '{key}'", path, '', accepted=closest(str(key), _FIELDS))
    missing = [key for key in ('joints', 'edges', 'centre') if key not in content]
    if missing:
        raise _wrong(
            f'layout file lacks {", ".join(missing)}', path, '',
            got=', '.join(content), accepted='joints, edges, centre; mirror and parts if there are any',
        )
    return content


def _joint_names(names: Any, path: Path) -> tuple[str, ...]:
    if not isinstance(names, list) or not names or not all(isinstance(name, str) for name in names):
        raise _wrong('joints are no list of names', path, 'joints', got=names, accepted='[head, neck, ...]')
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise _wrong('joints stand twice', path, 'joints', got=', '.join(twice), accepted='each name once')
    return tuple(names)


def _index(name: Any, joints: tuple[str, ...], path: Path, key: str) -> int:
    if name not in joints:
        raise _wrong(f"'{name}' is no joint of this layout", path, key, accepted=closest(str(name), joints))
    return joints.index(name)


def _pairs(pairs: Any, joints: tuple[str, ...], path: Path, key: str, form: str) -> tuple[Pair, ...]:
    if not isinstance(pairs, list) or not all(isinstance(pair, list) and len(pair) == 2 for pair in pairs):
        raise _wrong(f'{key} are no list of pairs', path, key, got=pairs, accepted=f'a list of {form}')
    return tuple((_index(a, joints, path, key), _index(b, joints, path, key)) for a, b in pairs)


def _parts(parts: Any, joints: tuple[str, ...], path: Path) -> dict[str, tuple[int, ...]]:
    if not isinstance(parts, dict) or not all(isinstance(members, list) for members in parts.values()):
        raise _wrong('parts map to no lists', path, 'parts', got=parts, accepted='{left_arm: [left_hand]}')
    return {
        str(part): tuple(_index(name, joints, path, f'parts.{part}') for name in members)
        for part, members in parts.items()
    }


def _check_tree(edges: tuple[Pair, ...], joints: tuple[str, ...], path: Path) -> None:
    """Every joint but one has exactly one parent, and all paths lead to that one."""
    children = [child for child, _ in edges]
    twice = sorted({joints[child] for child in children if children.count(child) > 1})
    if twice:
        raise _wrong('joints have two parents', path, 'edges', got=', '.join(twice), accepted='one each')
    roots = [name for index, name in enumerate(joints) if index not in children]
    if len(roots) != 1:
        raise _wrong(
            'edges are no tree', path, 'edges',
            got=f'joints without a parent: {", ".join(roots) or "none, the edges form a circle"}',
            accepted='exactly one joint without a parent, the root',
        )
    parent_of = dict(edges)
    for start in range(len(joints)):
        joint, steps = start, 0
        while joint in parent_of and steps < len(joints):
            joint, steps = parent_of[joint], steps + 1
        if joint in parent_of:
            raise _wrong('edges form a circle', path, 'edges', got=f'from {joints[start]}', accepted='a tree')


def _check_mirror(mirror: tuple[Pair, ...], joints: tuple[str, ...], path: Path) -> None:
    members = [joint for pair in mirror for joint in pair]
    twice = sorted({joints[joint] for joint in members if members.count(joint) > 1})
    if twice:
        raise _wrong(
            'joints have two mirror images', path, 'mirror', got=', '.join(twice), accepted='one each'
        )


def _wrong(what: str, path: Path, key: str, got: Any = None, accepted: Any = None) -> ConfigError:
    where = f'{path}, key {key}' if key else str(path)
    return ConfigError(
        what, got=got, accepted=accepted, where=where,
        fix='mend the file; skelreg/graphs/layouts/ntu_rgbd.yaml is a complete example',
    )
