"""A convolution over frames, by direct sums and by products of transforms, against torch's own in float64."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from skelreg.functional import temporal_convolution as module
from skelreg.functional.temporal_convolution import temporal_convolution


def direct(x: Tensor, weight: Tensor, bias: Tensor | None, stride: int = 1) -> Tensor:
    """Every output frame as the sum over taps of a product of channels, written as loops."""
    taps, frames = weight.shape[2], x.shape[1]
    out = x.new_zeros(len(weight), -(-frames // stride), x.shape[2])
    for place, centre in enumerate(range(0, frames, stride)):
        for tap in range(taps):
            source = centre + tap - taps // 2
            if 0 <= source < frames:
                out[:, place] += torch.einsum('cl,oc->ol', x[:, source], weight[:, :, tap, 0])
    return out if bias is None else out + bias[:, None, None]


def parts(channels: tuple[int, int], frames: int, taps: int) -> list[Tensor]:
    torch.manual_seed(frames)
    c_in, c_out = channels
    shapes = [(c_in, frames, 6), (c_out, c_in, taps, 1), (c_out,)]
    return [torch.randn(shape) for shape in shapes]


def by_products(x: Tensor, weight: Tensor, bias: Tensor | None, stride: int = 1) -> Tensor:
    return module._ByProducts.apply(x, weight, bias, stride)


@pytest.mark.parametrize('stride', [1, 2])
@pytest.mark.parametrize('taps', [1, 3, 9])
@pytest.mark.parametrize('frames', [1, 2, 3, 4, 5, 12, 13])
def test_products_of_transforms_are_the_direct_sum(frames: int, taps: int, stride: int) -> None:
    x, weight, bias = parts((5, 4), frames, taps)
    expected = direct(x.double(), weight.double(), bias.double(), stride)
    found = by_products(x, weight, bias, stride)
    torch.testing.assert_close(found.double(), expected, rtol=1e-5, atol=1e-5)
    assert found.is_contiguous()
    without = by_products(x, weight, None, stride).double() + bias.double()[:, None, None]
    torch.testing.assert_close(without, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize('stride', [1, 2])
@pytest.mark.parametrize('frames', [4, 13])
def test_products_of_transforms_have_the_gradients_of_the_direct_sum(frames: int, stride: int) -> None:
    gradients = []
    for function, dtype in ((by_products, torch.float32), (direct, torch.float64)):
        leaves = [part.to(dtype).requires_grad_() for part in parts((5, 4), frames, 9)]
        towards = torch.linspace(-1, 1, 4 * -(-frames // stride) * 6, dtype=dtype).view(4, -1, 6)
        gradients.append(torch.autograd.grad((function(*leaves, stride) * towards).sum(), leaves))
    for found, expected in zip(*gradients, strict=True):
        torch.testing.assert_close(found.double(), expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize('stride', [1, 2])
@pytest.mark.parametrize('taps', [1, 9])
@pytest.mark.parametrize('channels', [(3, 4), (128, 130)])
def test_narrow_and_wide_layers_agree_with_the_loops(
    channels: tuple[int, int], taps: int, stride: int
) -> None:
    x, weight, bias = parts(channels, 7, taps)
    expected = direct(x.double(), weight.double(), bias.double(), stride)
    found = temporal_convolution(x, weight, bias, stride)
    torch.testing.assert_close(found.double(), expected, rtol=1e-4, atol=1e-4)


class Noted:
    """Stands in for the products of transforms and notes the weights they are asked for."""

    def __init__(self) -> None:
        self.asked: list[tuple[int, ...]] = []

    def apply(self, x: Tensor, weight: Tensor, bias: Tensor, stride: int) -> None:
        self.asked.append(tuple(weight.shape))


def test_layers_are_transformed_where_that_saves_products_in_float32_on_a_cpu(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    noted = Noted()
    monkeypatch.setattr(module, '_ByProducts', noted)
    wide = parts((128, 128), 13, 9)
    temporal_convolution(*wide)
    assert noted.asked == [(128, 128, 9, 1)]
    temporal_convolution(*wide, stride=2)
    assert len(noted.asked) == 2
    temporal_convolution(*parts((3, 64), 50, 9))  # hardly any channels
    temporal_convolution(*parts((64, 64), 300, 9))  # many frames
    temporal_convolution(*parts((128, 128), 13, 1))  # one tap
    temporal_convolution(*(part.double() for part in wide))
    with torch.autocast('cpu', dtype=torch.bfloat16):
        temporal_convolution(*wide)
    assert len(noted.asked) == 2


def test_a_layer_trains_after_it_was_used_in_inference_mode() -> None:
    module._transforms.cache_clear()
    x, weight, bias = parts((128, 128), 13, 9)
    with torch.inference_mode():
        temporal_convolution(x, weight, bias)
    temporal_convolution(x, weight.requires_grad_(), bias).sum().backward()
    assert weight.grad is not None and weight.grad.abs().sum() > 0


def test_wide_layers_are_no_less_accurate_than_float32_allows() -> None:
    x, weight, bias = parts((256, 256), 13, 9)
    exact = torch.nn.functional.conv2d(x.double()[None], weight.double(), bias.double(), padding=(4, 0))[0]
    error = (temporal_convolution(x, weight, bias).double() - exact).norm() / exact.norm()
    assert error < 2e-6
