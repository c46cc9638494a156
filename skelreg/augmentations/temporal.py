"""Augmentations along time."""

from __future__ import annotations

import torch
from torch import Generator, Tensor

from ..functional import augment, axis_maps
from ..functional.axis_maps import AxisMaps
from ..registry import AUGMENTATIONS
from .base import AxisAugmentation, InPlaceAugmentation, bernoulli, check_probability, sometimes


@AUGMENTATIONS.register_module()
class TemporalCrop(AxisAugmentation):
    """Pads both ends with reversed frames and cuts the old length out at a random place.

    Args:
        padding_ratio: T // padding_ratio frames are padded at each end; shorter sequences stay as
            they are.
        p: Probability for each sequence.
    """

    def __init__(self, padding_ratio: int = 6, p: float = 1.0) -> None:
        super().__init__()
        if padding_ratio < 1:
            raise ValueError(f'padding_ratio must be >= 1, got {padding_ratio}; HiCLR uses 6')
        self.padding_ratio, self.p = padding_ratio, check_probability(p)

    def sample(self, x: Tensor, generator: Generator | None = None) -> dict[str, Tensor]:
        """start: (N,) first frame in the padded sequence, 0 to twice the padding."""
        padding = self._padding(x)
        start = torch.randint(2 * padding + 1, (len(x),), device=x.device, generator=generator)
        return {'start': sometimes(start, padding, self.p, generator)}

    def maps(self, x: Tensor, start: Tensor) -> AxisMaps:  # type: ignore[override]
        return axis_maps.temporal_crop(start, self._padding(x), x.shape[2])

    def _padding(self, x: Tensor) -> int:
        return x.shape[2] // self.padding_ratio


@AUGMENTATIONS.register_module()
class TimeFlip(AxisAugmentation):
    """Plays a sequence backwards.

    Args:
        p: Probability for each sequence.
    """

    def __init__(self, p: float = 0.5) -> None:
        super().__init__()
        self.p = check_probability(p)

    def sample(self, x: Tensor, generator: Generator | None = None) -> dict[str, Tensor]:
        """applied: (N,) booleans."""
        return {'applied': bernoulli(x, self.p, generator)}

    def maps(self, x: Tensor, applied: Tensor) -> AxisMaps:  # type: ignore[override]
        return axis_maps.time_flip(applied, x.shape[2])


@AUGMENTATIONS.register_module()
class GaussianBlur(InPlaceAugmentation):
    """Smooths along time with a Gaussian of 15 taps.

    Args:
        sigma: Range of the standard deviation, in frames.
        p: Probability for each sequence.
        normalized: Weights sum to one, near the ends too. False is the HiCLR release: raw weights,
            zeros beyond the ends, so that coordinates grow by 1 to 5 times with sigma.
    """

    def __init__(
        self, sigma: tuple[float, float] = (0.1, 2.0), p: float = 0.5, normalized: bool = True
    ) -> None:
        super().__init__()
        if not 0 < sigma[0] <= sigma[1]:
            raise ValueError(f'sigma must be a range (low, high) with 0 < low <= high, got {sigma}')
        self.sigma, self.p, self.normalized = tuple(sigma), check_probability(p), normalized

    def sample(self, x: Tensor, generator: Generator | None = None) -> dict[str, Tensor]:
        """sigma: (N,) frames; applied: (N,) booleans."""
        low, high = self.sigma
        sigma = low + (high - low) * torch.rand(len(x), device=x.device, generator=generator)
        return {'sigma': sigma, 'applied': bernoulli(x, self.p, generator)}

    def apply_(self, x: Tensor, sigma: Tensor, applied: Tensor) -> Tensor:  # type: ignore[override]
        return augment.blur_(x, sigma, applied, self.normalized)
