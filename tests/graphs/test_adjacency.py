import pytest
import torch

from skelreg.errors import ConfigError
from skelreg.graphs import STRATEGIES, adjacency, get_layout, hop_distance
from tests.reference import adjacency as reference

LAYOUTS = ['ntu_rgbd', 'nucla']


@pytest.mark.parametrize('name', LAYOUTS)
def test_hop_distance_counts_bones(name):
    layout = get_layout(name)
    joints = range(layout.num_joints)
    expected = torch.tensor([[float(reference.hops(layout, a, b)) for b in joints] for a in joints])
    assert torch.equal(hop_distance(layout), expected)
    assert torch.equal(hop_distance(layout, 2), expected.where(expected <= 2, torch.inf))


@pytest.mark.parametrize('name', LAYOUTS)
@pytest.mark.parametrize('max_hop', [1, 2])
def test_spatial_agrees_with_loops(name, max_hop):
    expected = torch.tensor(reference.spatial(get_layout(name), max_hop)).float()
    torch.testing.assert_close(adjacency(name, 'spatial', max_hop), expected)


@pytest.mark.parametrize('name', LAYOUTS)
@pytest.mark.parametrize('strategy', ['uniform', 'distance', 'spatial', 'release_spatial'])
def test_columns_of_all_subsets_together_sum_to_one(name, strategy):
    columns = adjacency(name, strategy).sum(dim=(0, 1))
    torch.testing.assert_close(columns, torch.ones(get_layout(name).num_joints))


def test_release_splits_only_around_the_centre():
    sizes = (adjacency('ntu_rgbd', 'release_spatial') > 0).sum(dim=(1, 2))
    assert sizes.tolist() == [25, 40, 8]


@pytest.mark.parametrize('name', LAYOUTS)
def test_inward_goes_from_child_to_parent(name):
    layout = get_layout(name)
    itself, inward, outward = adjacency(layout, 'inward_outward')
    edges = list(layout.edges)
    assert torch.equal(itself, torch.eye(layout.num_joints))
    assert sorted(map(tuple, inward.nonzero().tolist())) == sorted((p, c) for c, p in edges)
    assert sorted(map(tuple, outward.nonzero().tolist())) == sorted(edges)


@pytest.mark.parametrize('strategy', STRATEGIES)
def test_every_strategy_gives_float32_subsets(strategy):
    subsets = adjacency('nucla', strategy)
    assert subsets.dtype == torch.float32
    assert subsets.shape[1:] == (20, 20)


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        (('spatail',), 'Closest: .*spatial'),
        (('spatial', 0), '1 or more'),
        (('inward_outward', 2), 'accepted: 1'),
    ],
)
def test_bad_request_is_refused(arguments, message):
    with pytest.raises(ConfigError, match=message):
        adjacency('nucla', *arguments)
