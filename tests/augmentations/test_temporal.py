import torch

from skelreg.augmentations.temporal import GaussianBlur, TemporalCrop


def test_crop_starts_anywhere_in_the_padded_sequence():
    x = torch.randn(300, 3, 14, 4, 1)
    start = TemporalCrop(padding_ratio=6).sample(x)['start']
    assert sorted(set(start.tolist())) == [0, 1, 2, 3, 4]


def test_crop_leaves_a_sequence_shorter_than_its_ratio():
    x = torch.randn(8, 3, 5, 4, 1)
    assert torch.equal(TemporalCrop(padding_ratio=6)(x), x)


def test_blur_draws_sigma_from_its_range():
    sigma = GaussianBlur(sigma=(0.5, 0.6)).sample(torch.randn(100, 3, 9, 4, 1))['sigma']
    assert 0.5 <= sigma.min() < sigma.max() <= 0.6
