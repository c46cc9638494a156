"""Policies: which augmentations make which view, weak to strong."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import groupby
from typing import Any, NamedTuple, cast, get_args

import torch
from torch import Generator, Tensor, nn

from ..errors import PluginError
from ..functional.axis_maps import AxisMaps
from ..functional.precision import without_autocast
from ..graphs import SkeletonLayout
from ..provenance import title_of
from ..registry import AUGMENTATIONS, POLICIES, config_path
from ..structures import EdgePerturbation, MultiView, View
from .base import Augmentation, AxisAugmentation, Policy, Space, is_axis_map, is_in_place

Stream = Callable[[Tensor], Tensor]
Configs = Sequence[Mapping[str, Any]]


@POLICIES.register_module()
class GrowingPolicy(Policy):
    """Ordered views that grow stronger: view i has the augmentations of stages 0 to i.

    In each view, augmentations of coordinates run first, then the stream is made, then those of the
    stream run; those of the graph travel with the view into the backbone. Within a space they keep
    the order of the config. Every sequence of every view gets a draw of its own.

    Args:
        stages: For each view, the configs of the augmentations that it adds.
        key: Configs for the key encoder's view; None makes no key view, [] the plain one.
        share_base: View i goes on from the coordinates of view i - 1 instead of from the raw ones,
            so that it adds to the very same draw; augmentations of the stream are drawn anew.
        layout: Given to augmentations that take one.
    """

    def __init__(
        self,
        stages: Sequence[Configs],
        key: Configs | None = None,
        share_base: bool = False,
        layout: str | SkeletonLayout | None = None,
    ) -> None:
        super().__init__()
        if not stages:
            raise ValueError('stages must hold at least one list of augmentations; [[]] is one plain view')
        with config_path('stages'):
            self.stages = nn.ModuleList(
                _build(stage, where=str(index), layout=layout) for index, stage in enumerate(stages)
            )
        self.key = None if key is None else _build(key, where='key', layout=layout)
        self.share_base = share_base
        self.num_views, self.has_key = len(self.stages), key is not None

    def forward(self, x: Tensor, stream: Stream, generator: Generator | None = None) -> MultiView:
        """Make the key view, if any, and then the views in their order."""
        key = None
        if self.key is not None:
            key = _render('key', x, _augmentations(self.key), stream, generator)
        stages = [_augmentations(stage) for stage in self.stages]
        views: list[View] = []
        grown: list[Augmentation] = []
        for index, base in enumerate(self._coordinates(x, stages, generator)):
            grown += stages[index]
            views.append(_finish(f'stage_{index}', base, grown, stream, generator))
        return MultiView(tuple(views), key)

    def _coordinates(
        self, x: Tensor, stages: list[list[Augmentation]], generator: Generator | None
    ) -> list[_Mixture]:
        """What becomes of the coordinates of x in each view, before the stream is made."""
        bases = [_Mixture(x)] * self.num_views
        for index, stage in enumerate(stages):
            grown = bases[index:]
            if self.share_base:
                shared = _run(grown[0], stage, 'coordinates', generator).computed()
                bases[index:] = [shared._replace(owned=False)] * len(grown)
            else:
                bases[index:] = _run_together(grown, stage, generator)
        return bases

    def recipe(self) -> list[tuple[str, list[Augmentation]]]:
        """Key and stages, each stage with what it inherits."""
        views = [] if self.key is None else [('key', _in_order(_augmentations(self.key)))]
        grown: list[Augmentation] = []
        for index in range(self.num_views):
            grown += _augmentations(self.stages[index])
            views.append((f'stage_{index}', _in_order(grown)))
        return views


@POLICIES.register_module()
class SingleViewPolicy(Policy):
    """One augmented view without a key view, as supervised training takes it.

    Args:
        augmentations: Configs of the augmentations, in their order.
        layout: Given to augmentations that take one.
    """

    num_views = 1
    has_key = False

    def __init__(self, augmentations: Configs, layout: str | SkeletonLayout | None = None) -> None:
        super().__init__()
        self.augmentations = _build(augmentations, where='augmentations', layout=layout)

    def forward(self, x: Tensor, stream: Stream, generator: Generator | None = None) -> MultiView:
        """Make the view."""
        view = _render('augmented', x, _augmentations(self.augmentations), stream, generator)
        return MultiView((view,))

    def recipe(self) -> list[tuple[str, list[Augmentation]]]:
        """The one view."""
        return [('augmented', _in_order(_augmentations(self.augmentations)))]


def _build(configs: Configs, where: str, layout: str | SkeletonLayout | None) -> nn.ModuleList:
    """Augmentations in the order of their configs."""
    if isinstance(configs, (str, Mapping)) or not isinstance(configs, Sequence):
        raise ValueError(f'{where} must be a list of augmentation configs, got {configs!r}')
    context = {} if layout is None else {'layout': layout}
    with config_path(where):
        return nn.ModuleList(
            AUGMENTATIONS.build(config, where=str(index), **context) for index, config in enumerate(configs)
        )


def _in_order(augmentations: list[Augmentation]) -> list[Augmentation]:
    """Coordinates, stream, graph, as they run."""
    spaces = get_args(Space)
    return sorted(augmentations, key=lambda augmentation: spaces.index(augmentation.space))


def _augmentations(modules: nn.Module) -> list[Augmentation]:
    return list(cast(Iterable[Augmentation], modules))


class _Mixture(NamedTuple):
    """Skeletons (N, C, T, V, M), or graphs, on their way through augmentations.

    Attributes:
        x: What was computed so far.
        sources: `View.sources` so far.
        maps: What is still to be done to x.
        owned: Whether nobody else needs x, so that it may be written over.
    """

    x: Tensor
    sources: Tensor | None = None
    maps: AxisMaps = AxisMaps()
    owned: bool = False

    def computed(self) -> _Mixture:
        """The same with nothing left to be done."""
        x = self.maps(self.x)
        return _Mixture(x, self.sources, owned=self.owned or x is not self.x)


def _render(
    name: str, x: Tensor, augmentations: list[Augmentation], stream: Stream, generator: Generator | None
) -> View:
    """One view: coordinates, stream, what works on the stream, and what the backbone is to do."""
    base = _run(_Mixture(x), augmentations, 'coordinates', generator)
    return _finish(name, base, augmentations, stream, generator)


def _finish(
    name: str, base: _Mixture, augmentations: list[Augmentation], stream: Stream, generator: Generator | None
) -> View:
    """A view from coordinates that are augmented already."""
    base = base.computed()
    made = _run(base._replace(x=stream(base.x), owned=False), augmentations, 'stream', generator).computed()
    # A view from `_run_together` may be a slice of its batch, and third-party modules may call `view` on it.
    return View(name, made.x.contiguous(), _edges(augmentations, generator), made.sources)


def _edges(augmentations: list[Augmentation], generator: Generator | None) -> EdgePerturbation | None:
    """The augmentations of the graph as one function, or None where there are none."""
    if not any(augmentation.space == 'graph' for augmentation in augmentations):
        return None
    frozen = tuple(augmentations)
    return lambda graph: _run(_Mixture(graph), frozen, 'graph', generator).computed().x


def _run_together(
    bases: list[_Mixture], augmentations: Sequence[Augmentation], generator: Generator | None
) -> list[_Mixture]:
    """Coordinates of several views, as one batch as long as no augmentation mixes its sequences.

    One batch takes as many calls as one view. The views of a sequence lie beside each other in it, as
    `sample_rows` wants it. While nothing but maps of axes was asked for, it holds every sequence once.
    """
    in_coordinates = (part for part in augmentations if part.space == 'coordinates')
    for mixes, parts in groupby(in_coordinates, key=lambda part: part.mixes or part.mixes_labels):
        group = list(parts)
        if mixes or len(bases) == 1:
            bases = [_run(base, group, 'coordinates', generator) for base in bases]
            continue
        batch = _run(_stacked(bases), group, 'coordinates', generator)
        xs = [batch.x] * len(bases)
        if batch.maps.copies == 1:
            apart = batch.x.unflatten(0, (len(batch.x) // len(bases), len(bases)))
            # Not by `unbind`: autograd lets nobody write to its views.
            xs = [apart[:, i] for i in range(len(bases))]
        maps = batch.maps.apart(len(bases))
        bases = [
            base._replace(x=x, maps=own, owned=batch.owned)
            for base, x, own in zip(bases, xs, maps, strict=True)
        ]
    return bases


def _stacked(bases: list[_Mixture]) -> _Mixture:
    """Several views as one batch, in which the views of a sequence lie beside each other."""
    with without_autocast(bases[0].x):  # it refuses to stack some types
        maps = AxisMaps.together([base.maps for base in bases])
        if maps is not None and all(base.x is bases[0].x for base in bases):
            return _Mixture(bases[0].x, maps=maps)
        stacked = torch.stack([base.computed().x for base in bases], dim=1).flatten(0, 1)
        return _Mixture(stacked, owned=True)


def _run(
    mixture: _Mixture, augmentations: Sequence[Augmentation], space: Space, generator: Generator | None
) -> _Mixture:
    """The mixture after the augmentations of a space; maps of axes are put together and not computed yet."""
    for augmentation in augmentations:
        if augmentation.space != space:
            continue
        if is_axis_map(augmentation):
            mixture = _mapped(augmentation, mixture, space, generator)
        else:
            mixture = _applied(augmentation, mixture, space, generator)
    return mixture


def _mapped(
    augmentation: AxisAugmentation, mixture: _Mixture, space: Space, generator: Generator | None
) -> _Mixture:
    like = mixture.maps.stand_in(mixture.x)
    maps = augmentation.maps(like, **augmentation.parameters_for(like, generator))
    misfit = maps.misfit(like) if maps.copies == 1 else f'it makes {maps.copies} copies of a sequence'
    if misfit:
        raise PluginError(
            f'{title_of(augmentation)} does not fit this batch', got=misfit, where=f'policy, space {space}',
            fix='leave it out for such data, or mend it; skelreg.testing.check_augmentation says what',
        )
    return mixture._replace(maps=mixture.maps.then(maps))


def _applied(
    augmentation: Augmentation, mixture: _Mixture, space: Space, generator: Generator | None
) -> _Mixture:
    x, sources, _, owned = mixture.computed()
    params = augmentation.parameters_for(x, generator)
    learns = torch.is_grad_enabled() and x.requires_grad  # its gradient may need the numbers that are there
    if owned and not learns and is_in_place(augmentation):
        y = augmentation.apply_(x, **params)
    else:
        y = augmentation.apply(x, **params)
    if y.shape != x.shape:
        raise PluginError(
            f'{title_of(augmentation)} changes the shape of its input',
            got=tuple(y.shape), accepted=tuple(x.shape), where=f'policy, space {space}',
            fix='mend the augmentation; skelreg.testing.check_augmentation names every clause',
        )
    mixed = augmentation.sources(**params)
    if mixed is not None:
        with without_autocast(x):
            sources = mixed if sources is None else mixed @ sources
    # An ordinary `apply` may keep its input, or return it.
    return _Mixture(y, sources, owned=is_in_place(augmentation))
