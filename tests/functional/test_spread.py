from __future__ import annotations

import pytest
import torch

from skelreg.functional.spread import effective_rank, mean_cosine, spread


def draw(n: int, d: int) -> torch.Tensor:
    return torch.randn(n, d, generator=torch.Generator().manual_seed(0))


def test_mean_cosine_equals_the_loop_over_pairs():
    x = draw(6, 4).double()
    pairs = [torch.cosine_similarity(x[i], x[j], dim=0) for i in range(6) for j in range(6) if i != j]
    torch.testing.assert_close(mean_cosine(x), torch.stack(pairs).mean())


def test_mean_cosine_refuses_a_single_vector():
    with pytest.raises(ValueError, match='at least 2 vectors, got 1'):
        mean_cosine(draw(1, 4))


def test_spread_is_one_on_the_sphere_and_zero_at_a_point():
    assert spread(draw(4000, 32)).item() == pytest.approx(1, abs=0.02)
    assert spread(torch.ones(8, 4)).item() == pytest.approx(0, abs=1e-6)


def test_effective_rank_counts_equal_directions():
    directions = torch.eye(8)[:3]
    assert effective_rank(torch.cat([directions, -directions])).item() == pytest.approx(3, abs=1e-4)


def test_effective_rank_of_a_line_is_one():
    line = torch.linspace(-1, 1, 20)[:, None] * draw(1, 8) + 5
    assert effective_rank(line).item() == pytest.approx(1, abs=1e-3)


def test_effective_rank_of_one_point_is_zero():
    assert effective_rank(torch.ones(5, 3)).item() == 0
