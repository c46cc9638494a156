"""Dropped and added edges against the authors' code: single matrices, whole encoders, pretext steps."""

import numpy as np
import torch

from skelreg.augmentations.graph import AddEdges, DropEdges
from skelreg.augmentations.style import SkeleAdaIN
from skelreg.backbones.stgcn import STGCN
from skelreg.graphs import adjacency, get_layout
from skelreg.learner.foreign import from_hiclr_stgcn, rename_hiclr_stgcn
from skelreg.structures import MultiView, View
from tests.golden.release import contrastive_parts, learner_for, load_encoder


def release_graph():
    """(1, 3, 25, 25)."""
    return torch.as_tensor(adjacency(get_layout('ntu_rgbd'), 'release_spatial'), dtype=torch.float32)[None]


def replay(graphs):
    """A perturbation that hands out recorded graphs (B, K, V, V), one a block."""
    recorded = iter(graphs)
    return lambda graph: next(recorded).expand(len(graph), -1, -1, -1)


def recorded_draw(report, case, shape):
    """The release's mask, drawn by torch from the recorded seed, and its rate as a tensor (1)."""
    rate = torch.tensor([float(report.read(f'{case}/r'))])
    torch.manual_seed(int(report.read(f'{case}/seed')))
    if 'drop' in case:
        return torch.nn.functional.dropout(torch.ones(shape), rate.item()) != 0, rate
    return torch.zeros(shape).bernoulli_(rate.item()) != 0, rate


def perturbed(report, case, graph):
    """What our augmentations make of a graph with the recorded draw of a case."""
    mask, rate = recorded_draw(report, case, graph.shape[1:])
    assert rate.item() <= float(report.read(f'{case}/max'))
    if 'randadd' in case:
        return AddEdges().apply(graph, added=mask[None])
    keep = 'total' if 'drop_graph2' in case else 'expectation'
    return DropEdges(keep=keep).apply(graph, kept=mask[None], rate=rate)


def test_single_adjacencies_and_whole_encoders_equal_the_release(golden):
    with golden('stgcn_drop_edges') as report:
        graph = release_graph()
        for case in [f'dae/{key.removesuffix("/A")}' for key in report.stems('dae/') if key.endswith('/A')]:
            report.compare(f'{case}/A', perturbed(report, case, graph)[0], atol=1e-6)
        state = from_hiclr_stgcn(report.under('state/'))
        report.leave_out('dropforward/seed', 'the recorded adjacencies are fed instead')
        report.leave_out('dropforward/dropout_graph', 'the recorded adjacencies are fed instead')
        check_encoder(report, state, report.tensor('dropforward/A_layers'))


@torch.no_grad()
def check_encoder(report, state, layers):
    width = state['backbone.blocks.0.norm1.weight'].shape[0]
    out = state['backbone.blocks.9.norm1.weight'].shape[0]
    backbone = STGCN(hidden_channels=width, out_channels=out, dropout=0.0, adjacency='release_spatial').eval()
    load_encoder(backbone, state, 'backbone.')
    x = report.tensor('x')
    assert len(report.read('dropforward/r')) == len(layers) == len(backbone.blocks)
    head = torch.nn.Linear(out, len(state['classifier.linear.weight']))
    load_encoder(head, state, 'classifier.linear.')
    plain, dropped = backbone(x).pooled, backbone(x, edges=replay(layers[:, None])).pooled
    report.compare('dropforward/pair_plain', head(plain), rtol=1e-4, atol=1e-4)
    report.compare('dropforward/pair_dropped', head(dropped), rtol=1e-4, atol=1e-4)
    report.compare('dropforward/out1d', head(dropped), rtol=1e-4, atol=1e-4)


def strong_view(report, case):
    """The third branch of a case: recorded edges, another sequence's style, or a mask."""
    x = report.tensor(f'{case}/im_q_2')
    if case == 'dae':
        return View('stage_2', x, replay(report.tensor('dae/A_layers')[:, None]))
    shift = int(report.read(f'{case}/shift'))
    style = (torch.arange(len(x)) + shift) % len(x)
    return View('stage_2', SkeleAdaIN(keep_absent=False).apply(x, style=style))


def test_pretext_steps_with_edges_and_styles_equal_the_release(golden):
    with golden('variants_dae_adain_cos') as report:
        report.leave_out('*/seed', 'the recorded draws are fed instead')
        for name in ('dropout_graph', 'add_graph'):
            report.leave_out(name, 'the recorded adjacencies are fed instead')
        report.leave_out('cos/loss', 'the formula of this number is not known')
        for name in ('im_q_1', 'im_q_2', 'mask'):
            report.leave_out(f'cos/{name}', 'only the number of unknown formula depends on it')
        state = from_hiclr_stgcn(report.under('dae/state/'))
        for case in ('dae', 'adain'):
            check_variant(report, case, state)
        weak = learner(report, state)
        query, key = (View(name, report.tensor(f'cos/{name}')) for name in ('im_q', 'im_k'))
        step = weak.make_step(MultiView((query,), key))
        weak.key_encoder.update(weak.query_encoder())
        tau = float(report.read('temperature'))
        report.compare('cos/logits', step.similarities[0] / tau, rtol=1e-3, atol=1e-3)


def learner(report, state):
    head = {'type': 'HierarchicalConsistencyHead', 'temperature': float(report.read('temperature'))}
    return learner_for(report, state, {'hierarchy': head}, **contrastive_parts(report, state)).train()


def check_variant(report, case, state):
    model, tau = learner(report, state), float(report.read('temperature'))
    weak, normal = (View(name, report.tensor(f'{case}/{name}')) for name in ('im_q', 'im_q_1'))
    views = MultiView((weak, normal, strong_view(report, case)), View('key', report.tensor(f'{case}/im_k')))
    step = model.make_step(views)
    losses = model.compute_losses(step)['losses']
    total = sum(losses.values())
    total.backward()
    p0, p1, p2 = ((s / tau).softmax(dim=1) for s in step.similarities)
    for key, ours in dict(target1=p0, prob1=p1, target2=p1, prob2=p2).items():
        report.compare(f'{case}/{key}', ours, rtol=1e-3, atol=1e-4)
    report.compare(f'{case}/logits', step.similarities[0] / tau, rtol=1e-3, atol=1e-3)
    report.compare(f'{case}/labels', torch.zeros(len(p0)), atol=0)
    named = [losses[f'hierarchy/{name}'] for name in ('info_nce', 'level_1', 'level_2')]
    release = torch.stack([named[0], 2 * named[1], 2 * named[2], total])  # levels before they are halved
    report.compare(f'{case}/losses', release, rtol=1e-3)
    if f'{case}/queue' in report:
        report.compare(f'{case}/queue', model.queue.features.T, rtol=1e-3, atol=1e-4)
    names = [str(name) for name in report.read('dae/grad_names')]
    parameters, ours = dict(model.named_parameters()), rename_hiclr_stgcn(names)
    gradients = [parameters[ours[name]].grad for name in names]
    norms = np.array([0.0 if gradient is None else float(gradient.norm()) for gradient in gradients])
    report.compare(f'{case}/grad_norms', norms, rtol=1e-2, atol=1e-3 * max(1.0, norms.max()))
