"""A skeleton layout, and a dataset card to go on from, out of a BVH file."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

from skelreg.durable import replace_file
from skelreg.errors import DataError

from .parser import Joint, parse
from .reader import NAME_PATTERN

_SIDES = (('left', 'right'), ('Left', 'Right'), ('LEFT', 'RIGHT'))


def layout_of(joints: tuple[Joint, ...], end_sites: bool = False) -> dict[str, Any]:
    """The content of a layout file.

    Mirror pairs are joints whose names differ in left and right alone (or in a first letter l and r). Each
    outermost one begins a body part of all that hangs on it; the other joints are the trunk.

    Args:
        joints: Of a recording.
        end_sites: Take the end sites for joints too.
    """
    kept = [joint for joint in joints if end_sites or not joint.is_end]
    names = [joint.name for joint in kept]
    parent_of = {joint.name: joints[joint.parent].name for joint in kept if joint.parent >= 0}
    mirror = [[name, other] for name in names if (other := _other_side(name)) in names]
    return dict(
        joints=names,
        centre=names[0],
        edges=[[name, parent_of[name]] for name in names if name in parent_of],
        mirror=mirror,
        parts=_parts(names, parent_of, sided={name for pair in mirror for name in pair}),
    )


def _other_side(name: str) -> str | None:
    """The right joint of a left one."""
    for left, right in _SIDES:
        if left in name:
            return name.replace(left, right)
    found = re.fullmatch(r'([lL])(?=[A-Z_])(.+)', name)
    return None if found is None else {'l': 'r', 'L': 'R'}[found[1]] + found[2]


def _parts(names: list[str], parent_of: dict[str, str], sided: set[str]) -> dict[str, list[str]]:
    parts: dict[str, list[str]] = {'trunk': []}
    part_of: dict[str, str] = {}
    for name in names:  # parents come first
        above = part_of.get(parent_of.get(name, ''), 'trunk')
        part_of[name] = name if above == 'trunk' and name in sided else above
        parts.setdefault(part_of[name], []).append(name)
    return parts if len(parts) > 1 else {}


def write_layout(file: Path, out: Path, name: str, end_sites: bool) -> list[Path]:
    """Write `<name>.yaml`, the layout, and `<name>.card.yaml`, a card that uses it.

    Classes and subjects are those of the names beside the file; the last subject is the test.

    Raises:
        DataError: If the BVH file is malformed, or one of the two exists.
    """
    layout, card = out / f'{name}.yaml', out / f'{name}.card.yaml'
    for path in (layout, card):
        if path.exists():
            raise DataError('file exists', got=path, fix='remove it, or choose another --name')
    labels, subjects = _named_beside(file)
    recording = parse(file.read_text(encoding='utf-8', errors='replace'), str(file))
    content = layout_of(recording.joints, end_sites)
    begun = dict(
        name=name,
        title=f'{name}, recorded as BVH',
        reader=dict(type='BVHReader', pattern=NAME_PATTERN, scale=1.0),
        layout=layout.name,
        channels=['x', 'y', 'z'],
        max_bodies=1,
        num_classes=len(labels),
        class_names=labels,
        splits=dict(by_subject=dict(train=dict(subject=subjects[:-1]), test=dict(subject=subjects[-1:]))),
    )
    replace_file(layout, _yaml(content, f'Skeleton of {file.name}.'))
    replace_file(card, _yaml(begun, 'Mend classes, splits and the pattern of file names before you use it.'))
    return [layout, card]


def _named_beside(file: Path) -> tuple[list[str], list[int]]:
    """Labels and subjects in the names of the BVH files of a folder; stand-ins where they say too little."""
    names = [re.fullmatch(NAME_PATTERN, path.stem) for path in file.parent.glob('*.bvh')]
    labels = sorted({found['label'] for found in names if found})
    subjects = sorted({int(found['subject']) for found in names if found})
    return labels or ['first', 'second'], subjects if len(subjects) > 1 else [1, 2]


def _yaml(content: dict[str, Any], comment: str) -> bytes:
    text = yaml.safe_dump(content, sort_keys=False, default_flow_style=None, width=100)
    return f'# {comment}\n{text}'.encode()
