"""A subset of a skeleton archive, fetched in whole batches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..errors import ConfigError, DataError
from ..graphs import SkeletonLayout
from ..provenance import distribution_of
from ..registry import DATASETS, TRANSFORMS
from . import sequence_store
from .archive import FRAMES, INDEX, META, SkeletonArchive
from .cards import NO_READER, DatasetCard, load_card
from .collate import batch_collate
from .sequence_store import RawStore, ResampledStore, cache_key
from .splits import select
from .synthetic import generate

__all__ = ['SkeletonDataset', 'batch_collate']


@DATASETS.register_module()
class SkeletonDataset(torch.utils.data.Dataset[dict[str, Tensor]]):
    """Sequences of one subset of one split.

    A batch is a dict: inputs (N, C, T, V, M) float32, lengths (N,) valid frames of each, bodies
    (N,), labels (N,) with -1 for unknown, index (N,) position within this dataset; the last four
    int64. The dataloader must use `skelreg.batch_collate`.

    Args:
        dataset: Name of a dataset card, or the path of one (YAML).
        archive: Folder of the archive, an open archive, or `dict(synthetic=N, seed=0)` for N
            generated sequences with the layout, classes and bodies of the card.
        split: A split of the card.
        subset: 'train' or 'test'.
        num_frames: T after resampling; None keeps raw frames, padded to the longest of a batch.
        max_bodies: M; None keeps all of the archive's.
        transforms: Configs of deterministic transforms, applied to raw frames in order.
        cache_dir: Where resampled frames are kept if they are too many for memory; by default
            beside the archive.

    Attributes:
        fingerprint: Changes with anything that can change the tensors of this dataset.

    Raises:
        DataError: If the archive is missing or damaged, does not fit the card, or the subset is empty.
        ConfigError: If the card, split or subset does not exist.
    """

    def __init__(
        self,
        dataset: str,
        archive: str | Path | Mapping[str, int] | SkeletonArchive,
        split: str,
        subset: str,
        num_frames: int | None = None,
        max_bodies: int | None = None,
        transforms: Sequence[Mapping[str, Any]] = (),
        cache_dir: str | Path | None = None,
    ) -> None:
        for name, value in (('num_frames', num_frames), ('max_bodies', max_bodies)):
            if value is not None and value < 1:
                raise ValueError(f'{name} must be at least 1 or None, got {value}')
        split = str(split)  # a command line turns the split '464' into a number
        self.card = load_card(dataset)
        rule = self.card.rule(split, subset)
        self.archive = open_archive(self.card, archive)
        self.split, self.subset, self.num_frames = split, subset, num_frames
        self.max_bodies = max_bodies or self.archive.max_bodies
        self.rows = select(self.archive.index, rule, where=f'{self.card.name}, split {split}, {subset}')
        self._bodies = self.archive.index['bodies'][self.rows].clip(max=self.max_bodies).astype(np.int64)
        self._labels = self.archive.index['label'][self.rows].astype(np.int64)
        self._store = self._make_store(transforms, cache_dir)

    def __len__(self) -> int:
        return len(self.rows)

    def __getitems__(self, indices: Sequence[int]) -> dict[str, Tensor]:
        """The batch of these positions."""
        chosen = np.asarray(indices, dtype=np.int64)
        inputs, lengths = self._store.fetch(chosen)
        return dict(
            inputs=torch.from_numpy(np.ascontiguousarray(inputs)),
            lengths=torch.from_numpy(lengths),
            bodies=torch.from_numpy(self._bodies[chosen]),
            labels=torch.from_numpy(self._labels[chosen]),
            index=torch.from_numpy(chosen),
        )

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        """One sequence, without the batch axis."""
        if not -len(self) <= index < len(self):
            raise IndexError(f'sequence {index} of {len(self)}')
        return {name: value[0] for name, value in self.__getitems__([index % len(self)]).items()}

    @property
    def layout(self) -> SkeletonLayout:
        """Joints and edges of the skeletons."""
        return self.archive.layout

    @property
    def channels(self) -> tuple[str, ...]:
        """Names of the C axis."""
        return self.archive.channels

    @property
    def num_classes(self) -> int:
        """Labels are 0 .. num_classes - 1."""
        return self.archive.num_classes

    @property
    def class_names(self) -> tuple[str, ...]:
        """One name per class; numbers where the archive has no names."""
        return tuple(self.archive.meta.get('class_names') or map(str, range(self.num_classes)))

    @property
    def is_synthetic(self) -> bool:
        """Whether the sequences were generated; whoever shows a number made with them must say so."""
        return self.archive.is_synthetic

    @property
    def labels(self) -> Tensor:
        """(S,) class of every sequence, -1 where unknown."""
        return torch.from_numpy(self._labels.copy())

    @property
    def names(self) -> tuple[str, ...]:
        """Name of every sequence."""
        return tuple(str(name) for name in self.archive.index['name'][self.rows])

    @property
    def metainfo(self) -> dict[str, Any]:
        """Plain facts for logs and checkpoints."""
        return dict(
            dataset=self.card.name,
            split=self.split,
            subset=self.subset,
            layout=self.layout.name,
            channels=list(self.channels),
            num_classes=self.num_classes,
            class_names=list(self.class_names),
            num_frames=self.num_frames,
            max_bodies=self.max_bodies,
            synthetic=self.is_synthetic,
            checksum=self.archive.checksum,
        )

    def _make_store(
        self, transforms: Sequence[Mapping[str, Any]], cache_dir: str | Path | None
    ) -> RawStore | ResampledStore:
        context = dict(layout=self.layout, channels=self.channels)
        built = [
            TRANSFORMS.build(cfg, where=f'transforms[{i}]', **context) for i, cfg in enumerate(transforms)
        ]
        raw = RawStore(self.archive, self.rows, built, self.max_bodies)
        origins = [distribution_of(type(transform).__module__) for transform in built]
        self.fingerprint = cache_key(
            raw, self.num_frames, [{**cfg, 'origin': o} for cfg, o in zip(transforms, origins, strict=True)]
        )
        if self.num_frames is None:
            return raw
        size = (
            4
            * len(self.rows)
            * len(self.channels)
            * self.num_frames
            * self.layout.num_joints
            * self.max_bodies
        )
        if self.archive.path is None or size <= sequence_store.IN_MEMORY_BYTES:
            return ResampledStore(raw, self.num_frames, cache=None)
        folder = (
            Path(cache_dir)
            if cache_dir is not None
            else self.archive.path.with_name(f'{self.archive.path.name}.cache')
        )
        return ResampledStore(raw, self.num_frames, cache=folder / f'{self.fingerprint}.npy')


def open_archive(
    card: DatasetCard, archive: str | Path | Mapping[str, int] | SkeletonArchive
) -> SkeletonArchive:
    """Open or generate an archive that fits a card.

    Raises:
        DataError: If it is missing (says how to get it), damaged, or of another layout.
    """
    if isinstance(archive, Mapping):
        unknown = set(archive) - {'synthetic', 'seed'}
        if unknown or 'synthetic' not in archive:
            raise ConfigError(
                'archive is misspelt', got=dict(archive), accepted='a path or dict(synthetic=N, seed=0)'
            )
        return _generate(
            card.layout, archive['synthetic'], card.num_classes, card.max_bodies, archive.get('seed', 0)
        )
    opened = archive if isinstance(archive, SkeletonArchive) else _open(card, Path(archive))
    found = (opened.layout.name, opened.num_classes, opened.channels)
    wanted = (card.layout, card.num_classes, card.channels)
    if found != wanted:
        raise DataError(
            f'archive is not of dataset {card.name}',
            got=f'layout, classes, channels {found}',
            accepted=wanted,
            where=str(opened.path or 'archive in memory'),
        )
    return opened


@lru_cache(maxsize=2)
def _generate(
    layout: str, num_sequences: int, num_classes: int, max_bodies: int, seed: int
) -> SkeletonArchive:
    """Train and test of one config share the generated sequences."""
    return generate(
        layout=layout, num_sequences=num_sequences, num_classes=num_classes, max_bodies=max_bodies, seed=seed
    )


def _next_step(card: DatasetCard) -> str:
    """What to do with the raw files once they are here."""
    return f'run `{card.prepare}`' if card.reader is not None else NO_READER


def _open(card: DatasetCard, path: Path) -> SkeletonArchive:
    if path.exists():
        return SkeletonArchive.open(path)
    raise DataError(
        f'the data of {card.title} is not here',
        got=f'no folder {path}',
        accepted=f'an archive there: {FRAMES}, {INDEX} and {META}, made of {card.files}',
        fix=f'{card.get}; then {_next_step(card)}; or try the config without data: add --synthetic',
    )
