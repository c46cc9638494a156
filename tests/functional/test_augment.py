import pytest
import torch

from skelreg.functional import augment
from tests.reference import augment as reference
from tests.reference.augment import assert_each


@pytest.fixture
def x():
    torch.manual_seed(0)
    x = torch.randn(4, 3, 13, 20, 2, dtype=torch.float64)
    x[1, ..., 1] = 0
    return x


@pytest.fixture(params=['as on a CPU', 'as on other devices'], autouse=True)
def _device(request, monkeypatch):
    if request.param == 'as on other devices':
        monkeypatch.setattr(augment, 'on_cpu', lambda x: False)


@pytest.mark.parametrize('normalized', [False, True])
def test_blur_agrees_with_loops(x, normalized):
    sigma = torch.tensor([0.1, 0.7, 1.5, 4.0], dtype=torch.float64)
    out = augment.blur_(x.clone(), sigma, torch.ones(4, dtype=torch.bool), normalized)
    assert_each(out, x, reference.blur, sigma.tolist(), [normalized] * 4)


@pytest.mark.parametrize('normalized', [False, True])
def test_gradient_of_blur_reaches_input_and_sigma(normalized):
    x, every = torch.randn(2, 1, 10, 3, 1, dtype=torch.float64), torch.ones(2, dtype=torch.bool)
    sigma = torch.tensor([0.6, 1.5], dtype=torch.float64)

    def blur(x, sigma):
        return augment.blur_(x.clone(), sigma, every, normalized)

    assert torch.autograd.gradcheck(blur, (x.requires_grad_(), sigma.requires_grad_()))


def test_normalized_blur_keeps_a_skeleton_that_stands_still():
    still = torch.randn(2, 3, 1, 20, 1).expand(2, 3, 9, 20, 1)
    out = augment.blur_(still.clone(), torch.tensor([0.5, 2.0]), torch.tensor([True, True]), True)
    torch.testing.assert_close(out, still.contiguous())


@pytest.mark.parametrize('keep_absent', [False, True])
def test_each_sequence_gets_its_row_of_noise(x, keep_absent):
    noise = torch.randn(3, *x.shape[1:], dtype=x.dtype)
    for place in ([1, -1, 2, 0], [-1, 0, -1, 2], [0, 0, 1, 1], [-1, -1, -1, -1]):
        expected = x.clone()
        for row, which in zip(expected, place, strict=True):
            for body in range(2):
                if which >= 0 and (row[..., body].any() or not keep_absent):
                    row[..., body] += noise[which][..., body]
        out = augment.add_noise_(x.clone(), noise, torch.tensor(place), keep_absent)
        torch.testing.assert_close(out, expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize('keep_absent', [False, True])
def test_fill_mask_agrees_with_loops(x, keep_absent):
    mask = torch.rand(4, 13, 20) < 0.3
    out = augment.fill_mask(x, mask, torch.tensor(0.5), keep_absent)
    assert_each(out, x, reference.fill_mask, mask.numpy(), [0.5] * 4, [keep_absent] * 4)


def test_present_bodies_are_those_with_a_nonzero_coordinate(x):
    x[2, ..., 0] = 0
    x[2, 1, 3, 4, 0] = 1e-9
    expected = [[True, True], [True, False], [True, True], [True, True]]
    assert augment.present_bodies(x).reshape(4, 2).tolist() == expected


def test_blur_stays_in_full_precision_under_autocast():
    x, sigma, every = torch.randn(2, 3, 9, 20, 1), torch.ones(2), torch.tensor([True, True])
    plain = augment.blur_(x.clone(), sigma, every, True)
    with torch.autocast('cpu', torch.bfloat16):
        assert torch.equal(augment.blur_(x.clone(), sigma, every, True), plain)


@pytest.mark.parametrize('frames', [1, 2, 7, 8, 17, 18, 40])
def test_blur_agrees_with_loops_at_every_length(frames):
    x = torch.randn(3, 2, frames, 4, 2, dtype=torch.float64)
    sigma, applied = torch.tensor([0.4, 2.0, 1.0], dtype=torch.float64), torch.tensor([True, True, False])
    for normalized in (False, True):
        out = augment.blur_(x.clone(), sigma, applied, normalized)
        assert_each(out[:2], x[:2], reference.blur, sigma[:2].tolist(), [normalized] * 2)
        assert torch.equal(out[2], x[2])
