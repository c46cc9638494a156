import pytest
import torch

from skelreg.augmentations.style import SkeleAdaIN
from skelreg.functional.augment import adain

X = torch.randn(6, 3, 10, 25, 2, generator=torch.Generator().manual_seed(0))


def loop_adain(x, y, per_frame):
    out = torch.empty_like(x)
    n, c, t, _, m = x.shape
    for i in range(n):
        for j in range(c):
            for b in range(m):
                for frames in [slice(f, f + 1) for f in range(t)] if per_frame else [slice(0, t)]:
                    own, other = x[i, j, frames, :, b], y[i, j, frames, :, b]
                    unit = (own - own.mean()) / (own.var(unbiased=True) + 1e-5).sqrt()
                    out[i, j, frames, :, b] = unit * (other.var(unbiased=True) + 1e-5).sqrt() + other.mean()
    return out


@pytest.mark.parametrize('per_frame', [True, False])
def test_statistics_are_exchanged_as_in_the_loop(per_frame):
    torch.testing.assert_close(adain(X, X.flip(0), per_frame), loop_adain(X, X.flip(0), per_frame))


def test_no_sequence_is_its_own_style():
    for seed in range(20):
        style = SkeleAdaIN().sample(X, torch.Generator().manual_seed(seed))['style']
        assert not (style == torch.arange(6)).any()


def test_a_shared_shift_is_one_to_n_minus_two():
    shifts = set()
    for seed in range(60):
        style = SkeleAdaIN(shared=True).sample(X, torch.Generator().manual_seed(seed))['style']
        shift = (style - torch.arange(6)) % 6
        assert (shift == shift[0]).all()
        shifts.add(shift[0].item())
    assert shifts == {1, 2, 3, 4}


def test_absent_bodies_stay_absent_and_lend_no_style():
    x = X.clone()
    x[0, ..., 1] = 0
    out = SkeleAdaIN().apply(x, style=torch.tensor([1, 0, 3, 2, 5, 4]))
    assert (out[0, ..., 1] == 0).all()
    assert torch.equal(out[1, ..., 1], x[1, ..., 1])
    assert not torch.allclose(out[1, ..., 0], x[1, ..., 0])


def test_release_gives_absent_bodies_a_style():
    x = X.clone()
    x[0, ..., 1] = 0
    out = SkeleAdaIN(keep_absent=False).apply(x, style=torch.tensor([1, 0, 3, 2, 5, 4]))
    assert (out[0, ..., 1] != 0).all()


def test_a_batch_of_one_is_refused():
    with pytest.raises(ValueError, match='at least 2'):
        SkeleAdaIN()(X[:1])


def test_an_unknown_mode_is_refused():
    with pytest.raises(ValueError, match="'TV' or 'V'"):
        SkeleAdaIN(mode='T')
