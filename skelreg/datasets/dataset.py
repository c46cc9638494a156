"""A subset of a skeleton archive, fetched in whole batches."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..errors import ConfigError, DataError
from ..graphs import SkeletonLayout
from ..provenance import distribution_of
from ..registry import DATASETS, TRANSFORMS
from . import sequence_store
from .archive import FRAMES, INDEX, META, SkeletonArchive
from .cards import NO_READER, DatasetCard, load_card
from .collate import batch_collate
from .label_split import LabelSplit, choose_labels
from .pseudo_labels import fill_with_pseudo_labels
from .residence import Residence
from .sequence_store import RawStore, ResampledStore, cache_key
from .splits import NOT, WITHOUT_TWINS, select
from .synthetic import describe, generate

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
        label_budget: Which training sequences are labelled: `dict(per_class_n=5, seed=0)`, another protocol
            of `skelreg.datasets.label_split`, or a file of tools/draw_labels.py; None labels all. Generated
            sequences label at most half of every class.
        unlabelled: What becomes of the others: 'drop' leaves them out, 'keep' gives them the label -1.
        pseudo_labels: A file of tools/predict_labels.py, whose labels the kept ones get instead of -1.
        resident: Device on which all resampled frames are kept, and with them `inputs` of a batch: 'auto' is
            the current GPU if they fit into a quarter of its free memory, 'cuda' or another torch device
            is taken as it stands; None leaves them in memory or in their file, as workers of a DataLoader
            always do.

    Attributes:
        fingerprint: Changes with anything that can change the tensors of this dataset, labels among them.
        subset_size: How many sequences the subset has, dropped ones among them.
        label_split: The draw, if there is a label budget.

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
        label_budget: Mapping[str, Any] | str | Path | None = None,
        unlabelled: Literal['drop', 'keep'] = 'drop',
        pseudo_labels: str | Path | None = None,
        resident: str | None = None,
    ) -> None:
        if unlabelled not in ('drop', 'keep'):
            raise ValueError(f"unlabelled must be 'drop' or 'keep', got {unlabelled!r}")
        for name, value in (('num_frames', num_frames), ('max_bodies', max_bodies)):
            if value is not None and value < 1:
                raise ValueError(f'{name} must be at least 1 or None, got {value}')
        split = str(split)  # a command line turns the split '464' into a number
        self.card = load_card(dataset)
        rule = self.card.rule(split, subset)
        where = f'{self.card.name}, split {split}, {subset}'
        self.archive = open_archive(self.card, archive, rule, where)
        self.split, self.subset, self.num_frames = split, subset, num_frames
        self.max_bodies = max_bodies or self.archive.max_bodies
        self.rows = select(self.archive.index, rule, where)
        self.subset_size = len(self.rows)
        self._labels = self.archive.index['label'][self.rows].astype(np.int64)
        self.label_split = None if label_budget is None else self._apply(label_budget, unlabelled)
        if pseudo_labels is not None:
            self._labels = fill_with_pseudo_labels(
                pseudo_labels, self._texts('name'), self._labels, dataset=self.card.name, split=split,
                subset=subset, num_classes=self.archive.num_classes,
                label_split=None if self.label_split is None else self.label_split.sha256,
            )
        self._bodies = self.archive.index['bodies'][self.rows].clip(max=self.max_bodies).astype(np.int64)
        self._store = self._make_store(transforms, cache_dir)
        self.residence = Residence(resident)
        if resident not in (None, 'auto') and num_frames is None:
            raise ValueError('resident is for frames of one length; set num_frames')

    def __len__(self) -> int:
        return len(self.rows)

    def __getitems__(self, indices: Sequence[int]) -> dict[str, Tensor]:
        """The batch of these positions."""
        chosen = np.asarray(indices, dtype=np.int64)
        inputs, lengths = self._fetch(chosen)
        return dict(
            inputs=inputs,
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

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Name of every sequence."""
        return self._texts('name')

    @cached_property
    def digests(self) -> tuple[str, ...]:
        """What tells the frames of every sequence apart, whatever their names; copies share it."""
        return self._texts('digest')

    @property
    def metainfo(self) -> dict[str, Any]:
        """Plain facts for logs and checkpoints."""
        return dict(
            dataset=self.card.name,
            split=self.split,
            subset=self.subset,
            sequences=len(self),
            layout=self.layout.name,
            channels=list(self.channels),
            num_classes=self.num_classes,
            class_names=list(self.class_names),
            num_frames=self.num_frames,
            max_bodies=self.max_bodies,
            synthetic=self.is_synthetic,
            checksum=self.archive.checksum,
            label_budget=None if self.label_split is None else str(self.label_split.budget or 'by hand'),
            label_split=None if self.label_split is None else self.label_split.sha256,
        )

    def _texts(self, column: str) -> tuple[str, ...]:
        """A column of the index; the constructor, which may still drop rows, must not have it kept."""
        return tuple(str(text) for text in self.archive.index[column][self.rows])

    def _fetch(self, chosen: NDArray[np.int64]) -> tuple[Tensor, NDArray[np.int64]]:
        if isinstance(self._store, ResampledStore):
            held = self.residence.fetch(self._store.batch, chosen)
            if held is not None:
                return held, self._store.lengths(chosen)
        inputs, lengths = self._store.fetch(chosen)
        return torch.from_numpy(np.ascontiguousarray(inputs)), lengths

    def _apply(self, budget: Mapping[str, Any] | str | Path, unlabelled: str) -> LabelSplit:
        """Drop the sequences that the budget does not label, or take their labels away."""
        labelled, drawn = choose_labels(
            budget, self._texts('name'), self._labels, dataset=self.card.name, split=self.split,
            subset=self.subset, classes=self.archive.classes, stand_in=self.is_synthetic,
        )
        if unlabelled == 'drop':
            self.rows, self._labels = self.rows[labelled], self._labels[labelled]
        else:
            hidden = np.full_like(self._labels, -1)
            hidden[labelled] = self._labels[labelled]
            self._labels = hidden
        return drawn

    def _make_store(
        self, transforms: Sequence[Mapping[str, Any]], cache_dir: str | Path | None
    ) -> RawStore | ResampledStore:
        context = dict(layout=self.layout, channels=self.channels)
        built = [
            TRANSFORMS.build(cfg, where=f'transforms[{i}]', **context) for i, cfg in enumerate(transforms)
        ]
        raw = RawStore(self.archive, self.rows, built, self.max_bodies)
        origins = [distribution_of(type(transform).__module__) for transform in built]
        key = cache_key(
            raw, self.num_frames, [{**cfg, 'origin': o} for cfg, o in zip(transforms, origins, strict=True)]
        )
        # Frames do not depend on labels, so that draws which keep all sequences share one cache.
        self.fingerprint = f'{key}-{hashlib.sha256(self._labels.tobytes()).hexdigest()[:24]}'
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
        return ResampledStore(raw, self.num_frames, cache=folder / f'{key}.npy')


def open_archive(
    card: DatasetCard,
    archive: str | Path | Mapping[str, int] | SkeletonArchive,
    rule: Mapping[str, Any],
    where: str,
) -> SkeletonArchive:
    """Open an archive that fits a card, or generate the part of one that fits a rule.

    Raises:
        DataError: If it is missing (says how to get it), damaged, or of another layout.
    """
    if isinstance(archive, Mapping):
        unknown = set(archive) - {'synthetic', 'seed'}
        if unknown or 'synthetic' not in archive:
            raise ConfigError(
                'archive is misspelt', got=dict(archive), accepted='a path or dict(synthetic=N, seed=0)'
            )
        return _generate(card, rule, where, archive['synthetic'], archive.get('seed', 0))
    opened = archive if isinstance(archive, SkeletonArchive) else _open(card, Path(archive))
    found = (opened.layout.name, opened.num_classes, opened.channels)
    wanted = (card.layout_name, card.num_classes, card.channels)
    if found != wanted:
        raise DataError(
            f'archive is not of dataset {card.name}',
            got=f'layout, classes, channels {found}',
            accepted=wanted,
            where=str(opened.path or 'archive in memory'),
        )
    return opened


def _generate(
    card: DatasetCard, rule: Mapping[str, Any], where: str, num_sequences: int, seed: int
) -> SkeletonArchive:
    """The sequences that fit a rule; making the others as well would double the wait for a first step."""
    index = describe(num_sequences, card.num_classes, card.max_bodies, seed)
    index['digest'] = index['name']  # no generated sequence is another's twin
    extra = _columns_of(card, index)
    rows = select({**index, **extra}, rule, where)
    made = _generate_rows(
        card.layout, num_sequences, card.num_classes, card.max_bodies, seed, tuple(rows.tolist())
    )
    if not extra:
        return made
    columns = {name: column[rows] for name, column in extra.items()}
    return SkeletonArchive(made.frames, {**made.index, **columns}, made.meta)


@lru_cache(maxsize=2)
def _generate_rows(
    layout: str, num_sequences: int, num_classes: int, max_bodies: int, seed: int, rows: tuple[int, ...]
) -> SkeletonArchive:
    """Datasets of one config share what they have in common."""
    return generate(layout, num_sequences, num_classes, max_bodies, seed, rows=rows)


def _columns_of(card: DatasetCard, index: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """The columns that this dataset's splits ask for and generated sequences lack.

    The subjects go to the subsets of such a split in turn.
    """
    subjects = index['subject']
    extra: dict[str, Any] = {}
    for subsets in card.splits.values():
        for turn, rule in enumerate(subsets.values()):
            chosen = subjects % len(subsets) == turn
            for column in rule.keys() - index.keys() - {NOT, WITHOUT_TWINS}:
                value = np.atleast_1d(rule[column])[0]
                before = extra.get(column, np.zeros(len(subjects), dtype=value.dtype))
                extra[column] = np.where(chosen, value, before)
    return extra


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
