import pytest
import torch

from skelreg.functional.fusion import fuse_scores


def test_fusion_is_a_weighted_sum():
    scores = torch.randn(3, 4, 5)
    expected = 0.6 * scores[0] + 0.6 * scores[1] + 0.4 * scores[2]
    torch.testing.assert_close(fuse_scores(scores, (0.6, 0.6, 0.4)), expected)


def test_fusion_needs_one_weight_a_stream():
    with pytest.raises(ValueError, match='3 streams'):
        fuse_scores(torch.randn(3, 4, 5), (0.5, 0.5))
