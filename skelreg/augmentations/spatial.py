"""Augmentations of coordinates."""

from __future__ import annotations

import torch
from torch import Generator, Tensor

from ..functional import augment, axis_maps
from ..functional.axis_maps import AxisMaps
from ..functional.noise import normal_rows
from ..graphs import SkeletonLayout, get_layout
from ..registry import AUGMENTATIONS
from .base import AxisAugmentation, InPlaceAugmentation, bernoulli, check_probability, sometimes


@AUGMENTATIONS.register_module()
class Shear(AxisAugmentation):
    """Shears the skeleton about the origin, each axis by its own share of the two others.

    Args:
        amplitude: The six factors are uniform in [-amplitude, amplitude].
        p: Probability for each sequence.
    """

    needs_xyz = True

    def __init__(self, amplitude: float = 0.5, p: float = 1.0) -> None:
        super().__init__()
        if amplitude <= 0:
            raise ValueError(f'amplitude must be > 0, got {amplitude}; HiCLR uses 0.5')
        self.amplitude, self.p = amplitude, check_probability(p)

    def sample(self, x: Tensor, generator: Generator | None = None) -> dict[str, Tensor]:
        """factors: (N, 3, 3), zero on the diagonal."""
        factors = torch.empty(x.shape[0], 3, 3, device=x.device)
        factors.uniform_(-self.amplitude, self.amplitude, generator=generator)
        factors.diagonal(dim1=1, dim2=2).zero_()
        return {'factors': sometimes(factors, 0.0, self.p, generator)}

    def maps(self, x: Tensor, factors: Tensor) -> AxisMaps:  # type: ignore[override]
        return axis_maps.shear(factors)


@AUGMENTATIONS.register_module()
class Rotate(AxisAugmentation):
    """Rotates about one main axis, drawn at random, and slightly about the two others.

    Args:
        main_degrees: Largest angle about the main axis.
        minor_degrees: Largest angle about the two others.
        one_sided: Angles from 0 up only, as in the HiCLR release; otherwise to both sides.
        p: Probability for each sequence.
    """

    needs_xyz = True

    def __init__(
        self, main_degrees: float = 30.0, minor_degrees: float = 1.0, one_sided: bool = False, p: float = 1.0
    ) -> None:
        super().__init__()
        if main_degrees < 0 or minor_degrees < 0:
            raise ValueError(f'angles must be >= 0 degrees, got {main_degrees} and {minor_degrees}')
        self.main_degrees, self.minor_degrees = main_degrees, minor_degrees
        self.one_sided, self.p = one_sided, check_probability(p)

    def sample(self, x: Tensor, generator: Generator | None = None) -> dict[str, Tensor]:
        """degrees: (N, 3) about x, y and z."""
        n = x.shape[0]
        main = torch.randint(3, (n, 1), device=x.device, generator=generator)
        fraction = torch.empty(n, 3, device=x.device)
        largest = torch.full_like(fraction, self.minor_degrees).scatter_(1, main, self.main_degrees)
        fraction.uniform_(0.0 if self.one_sided else -1.0, 1.0, generator=generator)
        return {'degrees': sometimes(fraction * largest, 0.0, self.p, generator)}

    def maps(self, x: Tensor, degrees: Tensor) -> AxisMaps:  # type: ignore[override]
        return axis_maps.rotate(degrees)


@AUGMENTATIONS.register_module()
class SpatialFlip(AxisAugmentation):
    """Exchanges the left and the right side of the body.

    Args:
        layout: Whose mirror pairs.
        p: Probability for each sequence.
        mirror_coordinate: Negate x too, which makes a mirror image. False is the HiCLR release, in
            which joints only change their names.
    """

    flip_index: Tensor

    def __init__(self, layout: str | SkeletonLayout, p: float = 0.5, mirror_coordinate: bool = True) -> None:
        super().__init__()
        layout = get_layout(layout)
        if not layout.mirror:
            raise ValueError(f"layout '{layout.name}' has no mirror pairs, so that nothing can be flipped")
        self.p, self.mirror_coordinate = check_probability(p), mirror_coordinate
        self.register_buffer('flip_index', torch.tensor(layout.flip_index), persistent=False)

    def sample(self, x: Tensor, generator: Generator | None = None) -> dict[str, Tensor]:
        """applied: (N,) booleans."""
        return {'applied': bernoulli(x, self.p, generator)}

    def maps(self, x: Tensor, applied: Tensor) -> AxisMaps:  # type: ignore[override]
        return axis_maps.spatial_flip(applied, self.flip_index, x.shape[1] if self.mirror_coordinate else 0)


@AUGMENTATIONS.register_module()
class GaussianNoise(InPlaceAugmentation):
    """Adds independent noise to every coordinate.

    Args:
        std: Standard deviation in the unit of the data, metres for Kinect skeletons.
        p: Probability for each sequence.
        keep_absent: Bodies that are all zeros stay so. False is the HiCLR release.
    """

    def __init__(self, std: float = 0.01, p: float = 0.5, keep_absent: bool = True) -> None:
        super().__init__()
        if std < 0:
            raise ValueError(f'std must be >= 0, got {std}; HiCLR uses 0.01')
        self.std, self.p, self.keep_absent = std, check_probability(p), keep_absent

    def sample(self, x: Tensor, generator: Generator | None = None) -> dict[str, Tensor]:
        """noise: (1, K, C, T, V, M), rows for some of the sequences; place: (N,) whose they are, -1 for none.

        The first axis keeps the rows together where ranks share a draw: `place` counts all of them.
        """
        drawn, place = normal_rows(x, bernoulli(x, self.p, generator), self.std, generator)
        return {'noise': drawn[None], 'place': place}

    def apply_(self, x: Tensor, noise: Tensor, place: Tensor) -> Tensor:  # type: ignore[override]
        return augment.add_noise_(x, noise[0], place, self.keep_absent)


@AUGMENTATIONS.register_module()
class AxisMask(AxisAugmentation):
    """Sets one coordinate channel of a sequence to zero.

    Args:
        p: Probability for each sequence.
    """

    def __init__(self, p: float = 0.5) -> None:
        super().__init__()
        self.p = check_probability(p)

    def sample(self, x: Tensor, generator: Generator | None = None) -> dict[str, Tensor]:
        """axis: (N,) channel, -1 for none."""
        axis = torch.randint(x.shape[1], (len(x),), device=x.device, generator=generator)
        return {'axis': sometimes(axis, -1, self.p, generator)}

    def maps(self, x: Tensor, axis: Tensor) -> AxisMaps:  # type: ignore[override]
        return axis_maps.axis_mask(axis, x.shape[1])
