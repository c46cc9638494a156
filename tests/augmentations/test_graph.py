import pytest
import torch

from skelreg.augmentations.graph import AddEdges, DropEdges
from skelreg.errors import ConfigError
from skelreg.functional import edges
from skelreg.learner.learner import Learner
from tests.reference import edges as oracle

#: Six graphs of three matrices over seven joints, about half of the places without an edge.
GRAPH = torch.randn(6, 3, 7, 7, generator=torch.Generator().manual_seed(0)).relu()
COIN = torch.rand(GRAPH.shape, generator=torch.Generator().manual_seed(1)) < 0.3


@pytest.mark.parametrize('draws', [1, 6])
def test_dropping_agrees_with_the_loop(draws):
    rate = torch.linspace(0.1, 0.6, draws)
    expected = oracle.drop_edges(GRAPH, ~COIN[:draws], rate)
    torch.testing.assert_close(edges.drop_edges(GRAPH, ~COIN[:draws], rate), expected)


def test_adding_agrees_with_the_loop_and_keeps_the_total_weight():
    value = torch.linspace(0.1, 0.6, 6).reshape(6, 1, 1, 1)
    out = edges.add_edges(GRAPH, COIN, value)
    torch.testing.assert_close(out, oracle.add_edges(GRAPH, COIN, value.flatten()))
    torch.testing.assert_close(out.sum(dim=(1, 2, 3)), GRAPH.sum(dim=(1, 2, 3)))


def test_a_graph_without_edges_gets_edges_of_the_value():
    added = torch.tensor([[[[True, False], [False, True]]]])
    out = edges.add_edges(torch.zeros(1, 1, 2, 2), added, torch.ones(1))
    assert out.flatten().tolist() == [1, 0, 0, 1]


@pytest.mark.parametrize(('augmentation', 'mask'), [(DropEdges(0.5), 'kept'), (AddEdges(0.5), 'added')])
def test_the_rate_is_drawn_anew_for_every_sequence_and_call(augmentation, mask):
    graph = torch.eye(40).expand(8, 2, 40, 40)
    shares = [augmentation.sample(graph)[mask].float().mean(dim=(1, 2, 3)) for _ in range(2)]
    assert len(torch.cat(shares).unique()) > 12


@pytest.mark.parametrize('cls', [DropEdges, AddEdges])
def test_a_shared_draw_is_the_same_for_the_whole_batch(cls):
    graph = GRAPH[:1].expand(5, -1, -1, -1)
    out = cls(0.5, shared=True)(graph)
    assert torch.equal(out, out[:1].expand_as(out))
    assert not torch.equal(out, graph)


def test_the_share_of_dropped_edges_is_even_between_zero_and_the_most():
    kept = DropEdges(0.4).sample(torch.ones(4000, 1, 10, 10))['kept']
    dropped = 1 - kept.float().mean(dim=(1, 2, 3))
    assert dropped.mean().item() == pytest.approx(0.2, abs=0.01)
    assert 0.4 < dropped.max().item() < 0.6


def test_keeping_the_total_scales_what_is_left_to_the_weight_that_was():
    out = DropEdges(0.9, keep='total')(GRAPH)
    torch.testing.assert_close(out.sum(dim=(1, 2, 3)), GRAPH.sum(dim=(1, 2, 3)))
    assert (out == 0).sum() > (GRAPH == 0).sum()


def test_mean_weighs_new_edges_by_the_graph():
    out = AddEdges(0.9, value='mean')(GRAPH)
    new = (GRAPH == 0) & (out != 0)
    for before, after, added in zip(GRAPH, out, new, strict=True):
        scale = before.sum() / (before.sum() + added.sum() * before.mean())
        torch.testing.assert_close(after[added], (before.mean() * scale).expand_as(after[added]))


def test_a_ratio_outside_is_refused():
    with pytest.raises(ValueError, match='between 0 and 1'):
        DropEdges(1.0)


def learner(backbone, stages):
    preprocessor = dict(type='SkeletonPreprocessor', policy=dict(type='GrowingPolicy', stages=stages, key=[]))
    return Learner(backbone, layout='nucla', data_preprocessor=preprocessor)


def test_edges_reach_the_backbone_of_their_view_only():
    torch.manual_seed(0)
    small = dict(type='STGCN', hidden_channels=4, out_channels=8)
    model = learner(small, [[], [dict(type='DropEdges', max_ratio=0.9)], [dict(type='AddEdges')]]).eval()
    x = torch.randn(4, 3, 8, 20, 1)
    views = model.data_preprocessor.make_views(x, training=True)
    assert [view.edges is None for view in views.views] == [True, False, False]
    assert all(torch.equal(view.skeleton, x) for view in views.views)
    plain, dropped, both = (features.pooled for features in model.make_step(views).features)
    torch.testing.assert_close(plain, model.backbone(x).pooled)
    assert not torch.allclose(plain, dropped)
    assert not torch.allclose(dropped, both)


def test_a_backbone_without_a_graph_is_refused_when_the_config_is_built():
    raw = dict(type='RawCoordinates', num_frames=8, max_bodies=1)
    with pytest.raises(ConfigError, match='RawCoordinates cannot take augmentations of edges'):
        learner(raw, [[dict(type='DropEdges')]])


def test_both_bodies_of_a_sequence_share_a_graph():
    torch.manual_seed(0)
    model = learner(dict(type='STGCN', hidden_channels=4, out_channels=8), [[]]).eval()
    x = torch.randn(3, 3, 8, 20, 1).expand(-1, -1, -1, -1, 2).contiguous()
    features = model.backbone(x, edges=DropEdges(0.9))
    torch.testing.assert_close(features.map[..., 0], features.map[..., 1])
