"""The contracts of augmentations and policies."""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from collections.abc import Callable
from functools import partial
from typing import ClassVar, Literal, Self, TypeGuard

import torch
from torch import Generator, Tensor, nn

from ..functional.axis_maps import AxisMaps
from ..functional.global_batch import sample_rows
from ..structures import MultiView

Space = Literal['coordinates', 'stream', 'graph']


class Augmentation(nn.Module, ABC):
    """A random transformation of a batch in two steps: `sample` its parameters, `apply` them.

    Authors override the two methods, never `forward`. Every sequence of the batch gets its own
    draw, on the device of the input; the same parameters give the same result, so that a draw can
    be stored, replayed and tested.

    Attributes:
        space: 'coordinates' runs before the stream (joint, bone, motion) is made, 'stream' after;
            'graph' runs inside the backbone, once a block, and x is a graph (N, K, V, V) there.
        mixes: Whether what becomes of a sequence depends on the others of the batch. Where it does not, a
            policy may hand in several views as one larger batch: a draw for a whole batch is then theirs.
        needs_xyz: Whether it takes the channels for x, y and z of one unit; data of other channels, such as
            2D with scores, are refused then.
    """

    space: ClassVar[Space] = 'coordinates'
    mixes: ClassVar[bool] = False
    needs_xyz: ClassVar[bool] = False

    @abstractmethod
    def sample(self, x: Tensor, generator: Generator | None = None) -> dict[str, Tensor]:
        """Draw the parameters for a batch x (N, C, T, V, M), first axis N where they differ by sequence."""

    @abstractmethod
    def apply(self, x: Tensor, **params: Tensor) -> Tensor:  # type: ignore[override]
        """Transform x (N, C, T, V, M) with given parameters; the input is left as it is."""

    def parameters_for(self, x: Tensor, generator: Generator | None = None) -> dict[str, Tensor]:
        """The parameters for x: what `sample` draws, or of a global batch, the rows that belong to x."""
        return sample_rows(partial(self.sample, generator=generator), x, generator)

    def forward(self, x: Tensor, generator: Generator | None = None) -> Tensor:
        """Sample, then apply."""
        return self.apply(x, **self.parameters_for(x, generator))

    def sources(self, **params: Tensor) -> Tensor | None:
        """(N, N) for given parameters: row i the share of every sequence of the batch in result i, in all 1.

        Only an augmentation whose results are to be labelled as mixtures overrides it.
        """
        return None

    @property
    def mixes_labels(self) -> bool:
        """Whether results are mixtures, with labels to be mixed alike."""
        return type(self).sources is not Augmentation.sources

    def extra_repr(self) -> str:
        """The constructor's arguments where they are kept under their own name, for `--explain`."""
        names = inspect.signature(type(self)).parameters
        return ', '.join(f'{name}={vars(self)[name]}' for name in names if name in vars(self))


class AxisAugmentation(Augmentation):
    """An augmentation that rearranges frames or joints, or mixes channels, each axis by itself.

    Authors override `sample` and `maps`, for coordinates or the stream. A policy puts the maps of a chain
    together before the numbers of x are known: `sample` and `maps` get a tensor of NaN and may look at its
    shape, type and device only.
    """

    @abstractmethod
    def maps(self, x: Tensor, **params: Tensor) -> AxisMaps:
        """What given parameters do to a batch shaped as x (N, C, T, V, M); R = N, no copies."""

    def apply(self, x: Tensor, *args: Tensor, **params: Tensor) -> Tensor:  # type: ignore[override]
        """Transform x (N, C, T, V, M) with given parameters."""
        return self.maps(x, *args, **params)(x)


class InPlaceAugmentation(Augmentation):
    """An augmentation that changes some sequences of a batch and leaves the others as they are.

    Authors override `sample` and `apply_`. A policy passes a batch that nobody else needs without copying it.
    """

    @abstractmethod
    def apply_(self, x: Tensor, **params: Tensor) -> Tensor:
        """Transform x (N, C, T, V, M); x may be written over, and need not be what is returned.

        Keep no reference to either: the next augmentation may write over the result.
        """

    def apply(self, x: Tensor, *args: Tensor, **params: Tensor) -> Tensor:  # type: ignore[override]
        """Transform x (N, C, T, V, M) with given parameters; the input is left as it is."""
        return self.apply_(x.clone(), *args, **params)


def is_in_place(augmentation: Augmentation) -> TypeGuard[InPlaceAugmentation]:
    """Whether `apply_` says all that it does; a subclass may have an `apply` of its own."""
    return isinstance(augmentation, InPlaceAugmentation) and (
        type(augmentation).apply is InPlaceAugmentation.apply
    )


def is_axis_map(augmentation: Augmentation) -> TypeGuard[AxisAugmentation]:
    """Whether `maps` says all that it does; a subclass may have an `apply` of its own."""
    return isinstance(augmentation, AxisAugmentation) and (
        type(augmentation).apply is AxisAugmentation.apply and not augmentation.mixes_labels
    )


class Policy(nn.Module, ABC):
    """Turns one raw batch into ordered views, weak to strong, and a view for the key encoder.

    Attributes:
        num_views: How many ordered views the policy makes.
        has_key: Whether it makes a key view.
    """

    num_views: int
    has_key: bool

    @abstractmethod
    def forward(
        self, x: Tensor, stream: Callable[[Tensor], Tensor], generator: Generator | None = None
    ) -> MultiView:
        """Make the views.

        Args:
            x: (N, C, T, V, M) raw coordinates.
            stream: Turns coordinates into the stream to be encoded.
            generator: On x's device; None takes torch's global one.
        """

    @abstractmethod
    def recipe(self) -> list[tuple[str, list[Augmentation]]]:
        """The name of every view, the key's first, with its augmentations in the order in which they run."""

    def apply(self, fn: Callable[[nn.Module], None]) -> Self:
        """As `nn.Module.apply`, which would call the augmentations' own `apply` by mistake."""
        for module in reversed(list(self.modules())):
            fn(module)
        return self


def check_probability(p: float) -> float:
    """``p`` itself, for constructors.

    Raises:
        ValueError: If it is no probability.
    """
    if not 0 <= p <= 1:
        raise ValueError(f'p must be a probability in [0, 1], got {p}')
    return p


def bernoulli(x: Tensor, p: float, generator: Generator | None = None) -> Tensor:
    """(N,) booleans, true with probability p: which sequences of the batch an augmentation touches."""
    return torch.rand(x.shape[0], device=x.device, generator=generator) < p


def sometimes(drawn: Tensor, otherwise: float, p: float, generator: Generator | None = None) -> Tensor:
    """What was drawn (N, ...) for the sequences that probability p chooses, another number for the others.

    With probability 1 nothing is drawn to choose.
    """
    if p == 1:
        return drawn
    return torch.where(per_sequence(bernoulli(drawn, p, generator), drawn), drawn, otherwise)


def per_sequence(values: Tensor, x: Tensor) -> Tensor:
    """Reshape (N,) to (N, 1, ...), so that it broadcasts against x (N, ...)."""
    return values.reshape(-1, *(1,) * (x.ndim - 1))
