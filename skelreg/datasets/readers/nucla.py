"""Northwestern-UCLA as JSON: one file a sequence, named by action, subject, episode and view."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import DataError
from ...graphs import get_layout
from ...registry import READERS
from .base import Reader, Sequence, Source, list_sources

_NAME = re.compile(r'a(?P<action>\d\d)_s(?P<subject>\d\d)_e(?P<episode>\d\d)_v(?P<view>\d\d)')
#: Actions as numbered in file names (7 and 10 do not exist), in the order of the labels 1..10.
_ACTIONS = (1, 2, 3, 4, 5, 6, 8, 9, 11, 12)


@READERS.register_module()
class NUCLAReader(Reader):
    """Reads `all_sqe.zip` or the folder it unpacks to.

    A file is an object with `file_name`, `label` (1..10) and `skeletons` ([T][20][3], metres).
    """

    def sources(self, path: Path) -> list[Source]:
        return list_sources(path, '.json')

    def read(self, source: Source) -> list[Sequence]:
        named = _NAME.fullmatch(source.stem)
        if named is None:
            raise DataError(
                'file name says neither action nor view',
                got=source.stem,
                accepted='aAA_sSS_eEE_vVV.json',
                where=source.name,
            )
        content = _parse(source)
        action, subject, episode, view = (int(part) for part in named.groups())
        label = _label(content, action, source)
        frames = _frames(content['skeletons'], get_layout(self.card.layout).num_joints, source)
        columns = dict(subject=subject, camera=view, view=view, setup=1, episode=episode)
        return [Sequence(source.stem, label, frames[:, None], columns)]


def _parse(source: Source) -> dict[str, Any]:
    try:
        content = json.loads(source.read_bytes())
    except json.JSONDecodeError as error:
        raise DataError(
            'file is truncated or no JSON',
            got=error.msg,
            where=f'{source.name}, line {error.lineno}, column {error.colno}',
        ) from error
    except UnicodeDecodeError as error:
        raise DataError('file is no text', got=str(error), where=source.name) from error
    lacking = [
        key
        for key in ('file_name', 'label', 'skeletons')
        if not isinstance(content, dict) or key not in content
    ]
    if lacking:
        raise DataError('file lacks a field', got=f'no {", ".join(lacking)}', where=source.name)
    if content['file_name'] != source.stem:
        raise DataError(
            'file is named otherwise inside',
            got=content['file_name'],
            accepted=source.stem,
            where=f'{source.name}, file_name',
        )
    return content


def _label(content: dict[str, Any], action: int, source: Source) -> int:
    label = content['label']
    if type(label) is not int or not 1 <= label <= len(_ACTIONS):
        raise DataError(
            'label is out of range',
            got=repr(label),
            accepted=f'1..{len(_ACTIONS)}',
            where=f'{source.name}, label',
        )
    if _ACTIONS[label - 1] != action:
        raise DataError(
            'label contradicts the file name',
            got=label,
            accepted=f'the label of action {action}',
            where=f'{source.name}, label',
        )
    return label - 1


def _frames(skeletons: Any, num_joints: int, source: Source) -> NDArray[np.float32]:
    """(T, V, 3) float32, or the first entry that does not fit."""
    if not isinstance(skeletons, list) or not skeletons:
        raise DataError('sequence is empty', got=repr(skeletons)[:40], where=f'{source.name}, skeletons')
    for t, joints in enumerate(skeletons):
        if not isinstance(joints, list) or len(joints) != num_joints:
            got = f'{len(joints)} joints' if isinstance(joints, list) else repr(joints)[:40]
            raise DataError(
                'frame has the wrong number of joints',
                got=got,
                accepted=num_joints,
                where=f'{source.name}, skeletons[{t}]',
            )
        for v, joint in enumerate(joints):
            if (
                not isinstance(joint, list)
                or len(joint) != 3
                or not all(type(x) in (int, float) for x in joint)
            ):
                raise DataError(
                    'joint is no triple of numbers',
                    got=repr(joint)[:60],
                    accepted='[x, y, z]',
                    where=f'{source.name}, skeletons[{t}][{v}]',
                )
    try:
        with np.errstate(over='ignore'):  # what float32 cannot hold becomes infinite and is refused as such
            return np.array(skeletons, dtype=np.float64).astype(np.float32)
    except OverflowError as error:
        raise DataError(
            'coordinate is too great', got=str(error), where=f'{source.name}, skeletons'
        ) from error
