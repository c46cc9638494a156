"""One defect for each clause of augmentations and policies, and the check names the clause."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Generator, Tensor

from skelreg.augmentations.base import (
    Augmentation,
    AxisAugmentation,
    InPlaceAugmentation,
    Policy,
    bernoulli,
    per_sequence,
)
from skelreg.functional.axis_maps import AxisMaps
from skelreg.structures import MultiView, View
from skelreg.testing import ContractError, check_augmentation, check_policy


class Sound(Augmentation):
    """Scales a sequence."""

    def __init__(self, p: float = 0.5) -> None:
        super().__init__()
        self.p = p

    def sample(self, x: Tensor, generator: Generator | None = None) -> dict[str, Tensor]:
        factor = torch.rand(len(x), device=x.device, generator=generator)
        return {'factor': torch.where(bernoulli(x, self.p, generator), factor, 1)}

    def apply(self, x: Tensor, factor: Tensor) -> Tensor:
        return x * per_sequence(factor, x)


class WrongSpace(Sound):
    space = 'frequency'


class PlainParameters(Sound):
    def sample(self, x: Tensor, generator: Generator | None = None) -> Any:
        return {'factor': 0.5}


class Crashes(Sound):
    def apply(self, x: Tensor, factor: Tensor) -> Tensor:
        return x * factor[:3]


class Shortens(Sound):
    def apply(self, x: Tensor, factor: Tensor) -> Tensor:
        return x[:, :, ::2]


class Doubles(Sound):
    def apply(self, x: Tensor, factor: Tensor) -> Tensor:
        return x.double()


class DividesByTheBody(Sound):
    def apply(self, x: Tensor, factor: Tensor) -> Tensor:
        length = x.square().sum(dim=(1, 2, 3, 4), keepdim=True).sqrt()
        return x / length * per_sequence(factor, x)


class HardDevice(Sound):
    def apply(self, x: Tensor, factor: Tensor) -> Tensor:
        return x * per_sequence(factor, x) + torch.zeros(2)


class GlobalDraw(Sound):
    def sample(self, x: Tensor, generator: Generator | None = None) -> dict[str, Tensor]:
        return super().sample(x, None)


class DrawsInApply(Sound):
    def apply(self, x: Tensor, factor: Tensor) -> Tensor:
        return x * per_sequence(factor, x) + torch.rand_like(x)


class SpoilsParameters(Sound):
    def apply(self, x: Tensor, factor: Tensor) -> Tensor:
        return x * per_sequence(factor.mul_(0.5), x)


class InPlace(Sound):
    def apply(self, x: Tensor, factor: Tensor) -> Tensor:
        with torch.no_grad():
            x.mul_(per_sequence(factor, x))
        return x * 1


class OneForAll(Sound):
    def sample(self, x: Tensor, generator: Generator | None = None) -> dict[str, Tensor]:
        return {'factor': super().sample(x[:1], generator)['factor'].expand(len(x))}


class CutsTheGraph(Sound):
    def apply(self, x: Tensor, factor: Tensor) -> Tensor:
        return x.detach() * per_sequence(factor, x)


class IgnoresP(Sound):
    def sample(self, x: Tensor, generator: Generator | None = None) -> dict[str, Tensor]:
        return {'factor': torch.rand(len(x), device=x.device, generator=generator)}


class Swaps(Sound):
    """A sound augmentation that mixes labels."""

    mixes = True

    def sources(self, factor: Tensor) -> Tensor:
        return torch.eye(len(factor)).roll(1, dims=0)


class HidesThatItMixes(Swaps):
    mixes = False


class NoMatrix(Swaps):
    def sources(self, factor: Tensor) -> Tensor:
        return torch.ones(len(factor))


class NoShares(Swaps):
    def sources(self, factor: Tensor) -> Tensor:
        return 2 * torch.eye(len(factor))


class NegativeShares(Swaps):
    def sources(self, factor: Tensor) -> Tensor:
        return 2 * torch.eye(len(factor)) - torch.eye(len(factor)).roll(1, dims=0)


class SoundMaps(AxisAugmentation):
    """Scales a sequence, as a map of its channels."""

    def sample(self, x: Tensor, generator: Generator | None = None) -> dict[str, Tensor]:
        return {'factor': torch.rand(len(x), device=x.device, generator=generator)}

    def maps(self, x: Tensor, factor: Tensor) -> AxisMaps:
        return AxisMaps(channels=factor[:, None].expand(-1, x.shape[1]))


class ScalesBySize(SoundMaps):
    def sample(self, x: Tensor, generator: Generator | None = None) -> dict[str, Tensor]:
        drawn = super().sample(x, generator)['factor']
        return {'factor': drawn / (1 + x.abs().amax(dim=(1, 2, 3, 4)))}


class OrdersBySpeed(SoundMaps):
    def maps(self, x: Tensor, factor: Tensor) -> AxisMaps:
        return AxisMaps(frames=x.abs().sum(dim=(1, 3, 4)).argsort(dim=1))


class MapsOneRow(SoundMaps):
    def maps(self, x: Tensor, factor: Tensor) -> AxisMaps:
        return AxisMaps(frames=torch.arange(x.shape[2], device=x.device).flip(0)[None])


class MapsCopies(SoundMaps):
    def maps(self, x: Tensor, factor: Tensor) -> AxisMaps:
        return AxisMaps(copies=1 if x.isfinite().all() else 2)


class MapsGraphs(SoundMaps):
    space = 'graph'


class SoundWriter(InPlaceAugmentation):
    """Scales a sequence where it lies."""

    def sample(self, x: Tensor, generator: Generator | None = None) -> dict[str, Tensor]:
        return {'factor': torch.rand(len(x), device=x.device, generator=generator)}

    def apply_(self, x: Tensor, factor: Tensor) -> Tensor:
        return x.mul_(per_sequence(factor, x))


class WritesToACopy(SoundWriter):
    def apply_(self, x: Tensor, factor: Tensor) -> Tensor:
        x.reshape(-1, x.shape[4]).mul_(factor.repeat_interleave(x[0, ..., 0].numel())[:, None])
        return x


class WritesOverAll(SoundWriter):
    def apply_(self, x: Tensor, factor: Tensor) -> Tensor:
        if x._base is not None:
            x._base.mul_(0.5)
            return 2 * super().apply_(x, factor)
        return super().apply_(x, factor)


DEFECTS = [
    (WrongSpace, 'space'), (PlainParameters, 'parameters'), (Crashes, 'runs'), (Shortens, 'shape'),
    (Doubles, 'dtype'), (DividesByTheBody, 'finite'), (HardDevice, 'device'), (GlobalDraw, 'generator'),
    (DrawsInApply, 'replay'), (SpoilsParameters, 'replay'), (InPlace, 'input is not modified'),
    (OneForAll, 'own draw'), (CutsTheGraph, 'gradient'), (IgnoresP, 'p=0'),
    (HidesThatItMixes, 'sources'), (NoMatrix, 'sources'), (NoShares, 'sources'), (NegativeShares, 'sources'),
    (ScalesBySize, 'axis maps'), (OrdersBySpeed, 'axis maps'), (MapsOneRow, 'runs'),
    (MapsCopies, 'axis maps'), (MapsGraphs, 'axis maps'), (WritesToACopy, 'in place'),
    (WritesOverAll, 'in place'),
]


@pytest.mark.parametrize('sound', [Sound, SoundMaps, SoundWriter, Swaps])
def test_a_sound_augmentation_passes(sound: type[Augmentation]) -> None:
    check_augmentation(dict(type=sound))


def test_one_draw_for_all_passes_where_it_is_meant() -> None:
    check_augmentation(dict(type=OneForAll), own_draw=False)


@pytest.mark.parametrize(('defect', 'clause'), DEFECTS)
def test_the_broken_clause_of_an_augmentation_is_named(defect: type[Augmentation], clause: str) -> None:
    with pytest.raises(ContractError) as caught:
        check_augmentation(dict(type=defect))
    assert (caught.value.component, caught.value.clause) == (defect.__name__, clause)


Stream = Callable[[Tensor], Tensor]


class SoundPolicy(Policy):
    num_views, has_key = 2, True

    def forward(self, x: Tensor, stream: Stream, generator: Generator | None = None) -> MultiView:
        views = [stream(Sound()(x, generator)) for _ in range(3)]
        return MultiView((View('weak', views[0]), View('strong', views[1])), View('key', views[2]))

    def recipe(self) -> list[tuple[str, list[Augmentation]]]:
        return [(name, [Sound()]) for name in ('key', 'weak', 'strong')]


class OneView(SoundPolicy):
    def forward(self, x: Tensor, stream: Stream, generator: Generator | None = None) -> MultiView:
        made = super().forward(x, stream, generator)
        return MultiView(made.views[:1], made.key)


class NoKey(SoundPolicy):
    def forward(self, x: Tensor, stream: Stream, generator: Generator | None = None) -> MultiView:
        return MultiView(super().forward(x, stream, generator).views)


class SameNames(SoundPolicy):
    def forward(self, x: Tensor, stream: Stream, generator: Generator | None = None) -> MultiView:
        made = super().forward(x, stream, generator)
        return MultiView((made.views[0], made.views[0]), made.key)


class NoStream(SoundPolicy):
    def forward(self, x: Tensor, stream: Stream, generator: Generator | None = None) -> MultiView:
        return super().forward(x, lambda coordinates: coordinates, generator)


class BareViews(SoundPolicy):
    def forward(self, x: Tensor, stream: Stream, generator: Generator | None = None) -> Any:
        return super().forward(x, stream, generator).views


class GlobalPolicy(SoundPolicy):
    def forward(self, x: Tensor, stream: Stream, generator: Generator | None = None) -> MultiView:
        return super().forward(x, stream, None)


class ModifyingPolicy(SoundPolicy):
    def forward(self, x: Tensor, stream: Stream, generator: Generator | None = None) -> MultiView:
        return super().forward(x.add_(1), stream, generator)


class WrongRecipe(SoundPolicy):
    def recipe(self) -> list[tuple[str, list[Augmentation]]]:
        return [('weak', []), ('strong', []), ('key', [])]


class HardPolicy(SoundPolicy):
    def forward(self, x: Tensor, stream: Stream, generator: Generator | None = None) -> MultiView:
        return super().forward(x + torch.zeros(2), stream, generator)


def test_a_sound_policy_passes() -> None:
    check_policy(dict(type=SoundPolicy))


@pytest.mark.parametrize(
    ('defect', 'clause'),
    [
        (OneView, 'views'), (NoKey, 'views'), (SameNames, 'views'), (NoStream, 'stream'),
        (BareViews, 'output'), (GlobalPolicy, 'generator'), (ModifyingPolicy, 'input is not modified'),
        (WrongRecipe, 'recipe'), (HardPolicy, 'device'),
    ],
)
def test_the_broken_clause_of_a_policy_is_named(defect: type[Policy], clause: str) -> None:
    with pytest.raises(ContractError) as caught:
        check_policy(dict(type=defect))
    assert (caught.value.component, caught.value.clause) == (defect.__name__, clause)
