"""Single augmentations against the authors' code, fed with the draws that it made."""

import torch

from skelreg.augmentations.spatial import AxisMask, GaussianNoise, Rotate, Shear, SpatialFlip
from skelreg.augmentations.temporal import GaussianBlur, TemporalCrop, TimeFlip

PROBABILITY = 0.5


def applied(draw):
    return (draw < PROBABILITY).reshape(1)


def crop(x, draws, ratio):
    return TemporalCrop(padding_ratio=ratio).apply(x, start=draws[0].long().reshape(1))


def shear(x, draws):
    a1, a2, a3, b1, b2, b3 = draws
    zero = torch.zeros_like(a1)
    factors = torch.stack([zero, a1, b1, a2, zero, b2, a3, b3, zero]).reshape(1, 3, 3)
    return Shear().apply(x, factors=factors)


def rotate(x, draws):
    return Rotate(one_sided=True).apply(x, degrees=torch.stack(draws[1:]).reshape(1, 3))


def noise(x, draws):
    drawn = draws[1][None] if applied(draws[0]) else torch.zeros_like(x)
    first = torch.zeros(1, dtype=torch.int64)
    return GaussianNoise(keep_absent=False).apply(x, noise=drawn[None], place=first)


def axis_mask(x, draws):
    axis = draws[1].long() if applied(draws[0]) else torch.tensor(-1)
    return AxisMask().apply(x, axis=axis.reshape(1))


RELEASE = {
    'temporal_crop': lambda x, draws: crop(x, draws, ratio=6),
    'temporal_crop_r4': lambda x, draws: crop(x, draws, ratio=4),
    'shear': shear,
    'shear_r1': shear,
    'spatial_flip': lambda x, draws: SpatialFlip('ntu_rgbd', mirror_coordinate=False).apply(
        x, applied(draws[0])
    ),
    'time_flip': lambda x, draws: TimeFlip().apply(x, applied(draws[0])),
    'rotate': rotate,
    'gaus_noise': noise,
    'gaus_filter': lambda x, draws: GaussianBlur(normalized=False).apply(
        x, draws[0].reshape(1), applied(draws[1])
    ),
    'axis_mask': axis_mask,
}


def test_single_augmentations_equal_the_release(golden):
    with golden('aug_single') as report:
        report.leave_out('*/seed', 'the recorded draws are fed instead')
        for case in sorted({key.rpartition('/')[0] for key in report.keys}):
            count = len(report.read(f'{case}/draw_names'))
            # The release computes most of these in double precision, so the comparison does as well.
            draws = [torch.as_tensor(report.read(f'{case}/draw{index}')).double() for index in range(count)]
            x = report.tensor(f'{case}/in')[None].double()
            out = RELEASE[case.partition('/')[0]](x, draws)
            report.compare(f'{case}/out', out[0])
