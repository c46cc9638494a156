from __future__ import annotations

import pytest
import torch

from skelreg.necks.classifier import LinearClassifier, MLPClassifier
from skelreg.necks.projection import MLPProjection
from skelreg.necks.translation import LinearTranslation


def test_projection_is_two_linear_maps_around_a_relu() -> None:
    neck, x = MLPProjection(4, out_channels=3, hidden_channels=7), torch.randn(5, 4)
    first, _, second = neck.layers
    hidden = (x @ first.weight.T + first.bias).clamp(min=0)
    torch.testing.assert_close(neck(x), hidden @ second.weight.T + second.bias)
    assert first.out_features == 7


def test_projection_is_as_wide_inside_as_its_input_by_default() -> None:
    assert MLPProjection(6).layers[0].out_features == 6


@pytest.mark.parametrize('arguments', [dict(out_channels=0), dict(hidden_channels=0)])
def test_projection_refuses_no_channels(arguments: dict[str, int]) -> None:
    with pytest.raises(ValueError, match='channels must be >= 1'):
        MLPProjection(4, **arguments)


def test_classifier_is_affine() -> None:
    neck, x = LinearClassifier(4, num_classes=3), torch.randn(5, 4)
    torch.testing.assert_close(neck(x), x @ neck.linear.weight.T + neck.linear.bias)


def test_classifier_refuses_one_class() -> None:
    with pytest.raises(ValueError, match='num_classes must be >= 2'):
        LinearClassifier(4, num_classes=1)


def test_standardized_classifier_does_not_see_the_scale_of_its_input() -> None:
    neck = LinearClassifier(4, num_classes=3, standardize=True)
    x = torch.randn(64, 4)
    torch.testing.assert_close(neck(x), neck(1000 * x + 5), rtol=1e-2, atol=1e-2)


def test_perceptron_classifier_is_two_linear_maps_around_a_relu() -> None:
    neck, x = MLPClassifier(4, num_classes=3, hidden_channels=7).eval(), torch.randn(5, 4)
    first, _, _, second = neck.layers
    hidden = (x @ first.weight.T + first.bias).clamp(min=0)
    torch.testing.assert_close(neck(x), hidden @ second.weight.T + second.bias)


@pytest.mark.parametrize('arguments', [dict(num_classes=1), dict(num_classes=3, hidden_channels=0)])
def test_perceptron_classifier_refuses_sizes_that_are_none(arguments: dict[str, int]) -> None:
    with pytest.raises(ValueError, match='num_classes must be >= 2 and hidden_channels >= 1'):
        MLPClassifier(4, **arguments)


def test_translation_is_affine() -> None:
    neck, x = LinearTranslation(4, out_channels=3), torch.randn(5, 4)
    torch.testing.assert_close(neck(x), x @ neck.linear.weight.T + neck.linear.bias)


def test_translation_refuses_no_channels() -> None:
    with pytest.raises(ValueError, match='out_channels must be >= 1'):
        LinearTranslation(4, out_channels=0)
