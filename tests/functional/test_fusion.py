import itertools
import math

import pytest
import torch

from skelreg.functional.fusion import (
    MOST_VECTORS,
    choose_weights,
    finest_steps,
    fuse_scores,
    simplex_grid,
)


def test_fusion_is_a_weighted_sum():
    scores = torch.randn(3, 4, 5)
    expected = 0.6 * scores[0] + 0.6 * scores[1] + 0.4 * scores[2]
    torch.testing.assert_close(fuse_scores(scores, (0.6, 0.6, 0.4)), expected)


def test_fusion_needs_one_weight_a_stream():
    with pytest.raises(ValueError, match='3 streams'):
        fuse_scores(torch.randn(3, 4, 5), (0.5, 0.5))


@pytest.mark.parametrize(('runs', 'steps'), [(1, 4), (2, 5), (3, 4), (4, 3)])
def test_the_grid_holds_every_weight_vector_once(runs, steps):
    grid = list(simplex_grid(runs, steps))
    expected = {w for w in itertools.product(range(steps + 1), repeat=runs) if sum(w) == steps}
    assert len(grid) == len(expected)
    assert {tuple(round(weight * steps) for weight in weights) for weights in grid} == expected


@pytest.mark.parametrize(('runs', 'steps'), [(1, 20), (3, 20), (5, 10), (8, 5), (13, 4), (30, 2)])
def test_the_grid_is_as_fine_as_can_be_afforded(runs, steps):
    assert finest_steps(runs) == steps
    assert math.comb(steps + runs - 1, runs - 1) <= MOST_VECTORS


def test_too_many_runs_are_refused():
    with pytest.raises(ValueError, match='equal weights'):
        finest_steps(200)


def test_no_weights_of_the_grid_are_better_than_the_chosen():
    generator = torch.Generator().manual_seed(0)
    scores, labels = torch.randn(3, 60, 4, generator=generator), torch.randint(4, (60,), generator=generator)
    scores[1] += 2 * torch.nn.functional.one_hot(labels, 4)

    def accuracy(weights):
        fused = sum(weight * run for weight, run in zip(weights, scores, strict=True))
        return (fused.argmax(dim=1) == labels).sum().item()

    chosen = choose_weights(scores, labels, 10)
    assert accuracy(chosen) == max(map(accuracy, simplex_grid(3, 10)))


def test_among_equals_the_most_even_weights_are_chosen():
    labels = torch.arange(4)
    same = torch.nn.functional.one_hot(labels, 4).float().expand(2, 4, 4)
    assert choose_weights(same, labels, 4) == (0.5, 0.5)
