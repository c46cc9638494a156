"""NTU RGB+D 60 and 120: one `.skeleton` file a sequence, named by setup, camera, subject and action."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ...errors import DataError
from ...graphs import get_layout
from ...registry import READERS
from ..cards import DatasetCard
from ..ntu_names import NTU_NAME
from .base import Reader, Sequence, Source, list_sources
from .ntu_file import BodyList, parse

_MISSING = Path(__file__).with_name('ntu_missing_skeletons.txt')
_CLASSES_OF_60, _SETUPS_OF_60, _SETUPS, _CAMERAS = 60, 17, 32, 3

Bodies = Literal['first', 'energy']


@READERS.register_module()
class NTUReader(Reader):
    """Reads the `.skeleton` files of NTU RGB+D 60 or 120, loose or in the zips of the download.

    Samples that the publishers list as missing or incomplete are left out and reported, and for
    NTU RGB+D 60 those of its extension as well. The index counts, for each sequence, the body ids
    (`body_ids`), the frames without a body (`empty_frames`), which stay as zeros, and the frames
    with more bodies than an archive holds (`crowded_frames`).

    Args:
        card: The dataset; with 60 classes it is NTU RGB+D 60, otherwise 120.
        bodies: Which bodies of a recording are kept. 'first': the first ones of each frame in the
            order of the file, whatever their ids, as in the HiCLR release, whose numbers this data
            is compared with. 'energy': those ids that move
            most (variance of the coordinates over joints and frames, summed over x, y, z), the
            most moving first, as PYSKL and CTR-GCN rank them, without their filters for ghosts.
    """

    def __init__(self, card: DatasetCard, bodies: Bodies = 'first') -> None:
        super().__init__(card)
        if bodies not in ('first', 'energy'):
            raise ValueError(f"bodies must be 'first' or 'energy', got {bodies!r}")
        self.bodies = bodies

    def sources(self, path: Path) -> list[Source]:
        return list_sources(path, '.skeleton')

    def exclusion(self, source: Source) -> str | None:
        named = NTU_NAME.fullmatch(source.stem)
        if named and self._is_60 and _SETUPS_OF_60 < int(named['setup']) <= _SETUPS:
            return 'part of NTU RGB+D 120, not of NTU RGB+D 60'
        is_missing = source.stem in missing_skeletons()
        return 'listed by the publishers as missing or incomplete' if is_missing else None

    def read(self, source: Source) -> list[Sequence]:
        setup, camera, subject, repeat, action = self._parse_name(source)
        bodies = parse(source.read_bytes(), get_layout(self.card.layout).num_joints, source.name)
        count = np.bincount(bodies.frame, minlength=bodies.num_frames)  # (T,) bodies in each frame
        columns = dict(
            subject=subject,
            camera=camera,
            setup=setup,
            repeat=repeat,
            body_ids=len(set(bodies.identity)),
            empty_frames=int((count == 0).sum()),
            crowded_frames=int((count > self.card.max_bodies).sum()),
        )
        slot = bodies.slot if self.bodies == 'first' else rank_by_energy(bodies, source.name)
        return [Sequence(source.stem, action - 1, place(bodies, slot, self.card.max_bodies), columns)]

    @property
    def _is_60(self) -> bool:
        return self.card.num_classes == _CLASSES_OF_60

    def _parse_name(self, source: Source) -> tuple[int, ...]:
        """Setup, camera, subject, repeat and action, each from 1."""
        named = NTU_NAME.fullmatch(source.stem)
        if named is None:
            raise DataError(
                'file name says neither action nor subject',
                got=source.stem,
                accepted='SsssCcccPpppRrrrAaaa.skeleton',
                where=source.name,
            )
        largest = dict(
            setup=_SETUPS_OF_60 if self._is_60 else _SETUPS, camera=_CAMERAS, action=self.card.num_classes
        )
        for part, text in named.groupdict().items():
            if int(text) < 1 or int(text) > largest.get(part, int(text)):
                raise DataError(
                    f'{part} in the file name is out of range',
                    got=int(text),
                    accepted=f'1..{largest[part]}' if part in largest else '1 or more',
                    where=source.name,
                )
        return tuple(int(text) for text in named.groups())


@cache
def missing_skeletons() -> frozenset[str]:
    """Names of the 535 samples that the publishers of NTU RGB+D 120 list as missing or incomplete."""
    lines = _MISSING.read_text(encoding='ascii').splitlines()
    return frozenset(line for line in lines if not line.startswith('#'))


def rank_by_energy(bodies: BodyList, where: str) -> NDArray[np.int64]:
    """(B,) rank of each row's body id by how much it moves, 0 for the most; the earlier one of equals.

    Raises:
        DataError: If two bodies of one frame have the same id.
    """
    ids = list(dict.fromkeys(bodies.identity))
    owner = np.array([ids.index(identity) for identity in bodies.identity], dtype=np.int64)
    seen = bodies.frame * len(ids) + owner
    twice = np.flatnonzero(np.diff(np.sort(seen)) == 0)
    if len(twice):
        frame = int(np.sort(seen)[twice[0]]) // len(ids)
        raise DataError('two bodies of a frame have one id', where=f'{where}, frame {frame} (counted from 0)')
    energy = [
        bodies.joints[owner == i].astype(np.float64).var(axis=(0, 1)).sum() for i in range(len(ids))
    ]
    rank = np.empty(len(ids), dtype=np.int64)
    rank[np.argsort(-np.array(energy), kind='stable')] = np.arange(len(ids))
    return rank[owner]


def place(bodies: BodyList, slot: NDArray[np.int64], max_bodies: int) -> NDArray[np.float32]:
    """(T, M, V, 3) frames with each row's body at its slot; bodies whose slot is beyond M are left out.

    Args:
        bodies: Everybody.
        slot: (B,) position on the body axis.
        max_bodies: M at most; as many as there are.
    """
    kept = slot < max_bodies
    num_bodies = min(int(slot.max(initial=0)) + 1, max_bodies)
    frames = np.zeros((bodies.num_frames, num_bodies, *bodies.joints.shape[1:]), dtype=np.float32)
    frames[bodies.frame[kept], slot[kept]] = bodies.joints[kept]
    return frames
