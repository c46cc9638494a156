"""Several sets of one skeleton as one training set."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from ..errors import ConfigError
from ..graphs import SkeletonLayout
from ..registry import DATASETS
from .dataset import SkeletonDataset


@DATASETS.register_module()
class JoinedDataset(torch.utils.data.Dataset[dict[str, Tensor]]):
    """Sets behind one another, two recordings of different rooms or cameras say.

    `AdversarialAlignment(domains=('dataset_0', 'dataset_1'))` makes an encoder unable to tell them apart.
    A batch is that of `SkeletonDataset`; its frames and bodies are padded to the longest and the most.

    Args:
        datasets: Configs of `SkeletonDataset`, all of one layout and with the same channels.
        labels: 'first' keeps the labels of the first set only, the classes of the others may be any; 'all'
            keeps every label, and wants the same classes.

    Attributes:
        parts: The sets.

    Raises:
        ConfigError: If there are fewer than two, or they do not fit together.
    """

    def __init__(
        self,
        datasets: Sequence[Mapping[str, Any] | SkeletonDataset],
        labels: Literal['first', 'all'] = 'first',
    ) -> None:
        if labels not in ('first', 'all'):
            raise ValueError(f"labels must be 'first' or 'all', got {labels!r}")
        if isinstance(datasets, Mapping) or len(datasets) < 2:
            raise ConfigError(
                'joining takes at least two datasets', got=datasets if len(datasets) else 'none',
                accepted='[dict(type=\'SkeletonDataset\', ...), dict(...)]', where='datasets',
            )
        self.parts: tuple[SkeletonDataset, ...] = tuple(
            DATASETS.build(part, where=f'datasets[{i}]') if isinstance(part, Mapping) else part
            for i, part in enumerate(datasets)
        )
        first = self.parts[0]
        for i, part in enumerate(self.parts):
            where = f'datasets[{i}]'
            if part.residence.device is not None:
                raise ConfigError(
                    'parts of a joined set cannot be kept on a device', got=part.residence.device,
                    where=f'{where}.resident', fix='remove resident',
                )
            found, wanted = (part.layout.name, part.channels), (first.layout.name, first.channels)
            if found != wanted:
                raise ConfigError(
                    'joined sets differ in layout or channels', got=found, accepted=wanted, where=where,
                    fix='join sets of one skeleton only',
                )
            if part.num_frames != first.num_frames:
                raise ConfigError(
                    'joined sets differ in their number of frames', got=part.num_frames,
                    accepted=first.num_frames, where=f'{where}.num_frames',
                    fix='give every part the same num_frames',
                )
            if labels == 'all' and part.class_names != first.class_names:
                raise ConfigError(
                    "labels='all' joins sets of the same classes", got=part.class_names,
                    accepted=first.class_names, where=where, fix="set labels='first'",
                )
        self._ends = np.cumsum([len(part) for part in self.parts])
        kept = [part.labels if labels == 'all' or i == 0 else torch.full((len(part),), -1)
                for i, part in enumerate(self.parts)]
        self._labels = torch.cat(kept)
        text = '+'.join([labels, *(part.fingerprint for part in self.parts)])
        self.fingerprint = hashlib.sha256(text.encode()).hexdigest()

    def __len__(self) -> int:
        return int(self._ends[-1])

    def __getitems__(self, indices: Sequence[int]) -> dict[str, Tensor]:
        """The batch of these positions."""
        chosen = np.asarray(indices, dtype=np.int64)
        sources = np.searchsorted(self._ends, chosen, side='right')
        rows, batches = [], []
        for i in np.unique(sources):
            here = np.flatnonzero(sources == i)
            first = self._ends[i] - len(self.parts[i])
            rows.append(here)
            batches.append(self.parts[i].__getitems__((chosen[here] - first).tolist()))
        order = torch.from_numpy(np.argsort(np.concatenate(rows)))
        inputs = _padded([batch['inputs'] for batch in batches], self.max_bodies)
        lengths, bodies = (torch.cat([batch[name] for batch in batches]) for name in ('lengths', 'bodies'))
        index = torch.from_numpy(chosen)
        return dict(
            inputs=inputs[order],
            lengths=lengths[order],
            bodies=bodies[order],
            labels=self._labels[index],
            index=index,
        )

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        """One sequence, without the batch axis."""
        if not -len(self) <= index < len(self):
            raise IndexError(f'sequence {index} of {len(self)}')
        return {name: value[0] for name, value in self.__getitems__([index % len(self)]).items()}

    @property
    def subset_size(self) -> int:
        """How many sequences the subsets of all sets have, dropped ones among them."""
        return sum(part.subset_size for part in self.parts)

    @property
    def layout(self) -> SkeletonLayout:
        """Joints and edges of the skeletons."""
        return self.parts[0].layout

    @property
    def channels(self) -> tuple[str, ...]:
        """Names of the C axis."""
        return self.parts[0].channels

    @property
    def max_bodies(self) -> int:
        """M of every batch, that of the set with the most."""
        return max(part.max_bodies for part in self.parts)

    @property
    def num_classes(self) -> int:
        """Labels are 0 .. num_classes - 1."""
        return self.parts[0].num_classes

    @property
    def class_names(self) -> tuple[str, ...]:
        """One name per class."""
        return self.parts[0].class_names

    @property
    def is_synthetic(self) -> bool:
        """Whether any sequence was generated."""
        return any(part.is_synthetic for part in self.parts)

    @property
    def labels(self) -> Tensor:
        """(S,) class of every sequence, -1 where unknown."""
        return self._labels.clone()

    @property
    def sources(self) -> Tensor:
        """(S,) which of the sets a sequence is from, counted from 0."""
        return torch.repeat_interleave(torch.tensor([len(part) for part in self.parts]))

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Name of every sequence."""
        return tuple(name for part in self.parts for name in part.names)

    @cached_property
    def digests(self) -> tuple[str, ...]:
        """What tells the frames of every sequence apart, whatever their names; copies share it."""
        return tuple(digest for part in self.parts for digest in part.digests)

    @property
    def metainfo(self) -> dict[str, Any]:
        """Plain facts for logs and checkpoints: those of the first set, and under `joined` of every set."""
        return {
            **self.parts[0].metainfo,
            'synthetic': self.is_synthetic,
            'joined': [part.metainfo for part in self.parts],
        }


def part_configs(dataset: Mapping[str, Any]) -> Sequence[Any]:
    """The configs of the sets behind a dataloader's: the parts of a joined one, else itself."""
    parts: Sequence[Any] = dataset.get('datasets', [dataset])
    return parts


def _padded(inputs: Sequence[Tensor], bodies: int) -> Tensor:
    """Behind one another along N, (n, C, t, V, m) each, with zeros up to the greatest T and these bodies."""
    frames = max(x.shape[2] for x in inputs)
    return torch.cat([
        torch.nn.functional.pad(x, (0, bodies - x.shape[4], 0, 0, 0, frames - x.shape[2])) for x in inputs
    ])
