"""Layout and adjacency against the authors' graph."""

import torch

from skelreg.graphs import adjacency, get_layout, hop_distance

LAYOUTS = {'ntu-rgb+d': 'ntu_rgbd'}
STRATEGIES = {'spatial': 'release_spatial', 'uniform': 'uniform', 'distance': 'distance'}


def test_graph_equals_the_release(golden):
    layout = get_layout('ntu_rgbd')
    with golden('graph') as report:
        for key in report.keys:
            kind, _, rest = key.partition('/')
            if '|' not in rest:
                continue
            name, strategy, hop, dilation = rest.split('|')
            assert dilation == 'dil1', 'only neighbourhoods without holes are supported'
            max_hop = int(hop.removeprefix('hop'))
            if kind == 'A':
                report.compare(key, adjacency(LAYOUTS[name], STRATEGIES[strategy], max_hop))
            else:
                report.compare(key, hop_distance(LAYOUTS[name], max_hop))
        report.compare('A/agcn_inward_outward', adjacency(layout, 'inward_outward'))
        report.compare('flip_index0', layout.flip_index)
        pairs = torch.tensor([[joint + 1, parent + 1] for joint, parent in enumerate(layout.parents)])
        order = report.read('bone_pairs_1based')[:, 0] - 1
        report.compare('bone_pairs_1based', pairs[order])
