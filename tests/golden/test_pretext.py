"""Whole pretraining steps against the authors' code: HiCLR with and without mining, SkeletonCLR."""

import numpy as np
import pytest
import torch

from skelreg.functional.contrast import mine_positives
from skelreg.learner.foreign import (
    from_hiclr_dsta,
    from_hiclr_stgcn,
    rename_hiclr_dsta,
    rename_hiclr_stgcn,
)
from skelreg.structures import MultiView, View
from tests.golden.release import (
    compare_tables,
    contrastive_parts,
    learner_for,
    stgcn_for,
    transformer_for,
)


def masked(learner, x, mask):
    """What the strong stage makes of x with a recorded mask (N, T, M, V, C) that is 0 where hidden."""
    stage = learner.data_preprocessor.policy.stages[2][0]
    hidden = torch.as_tensor(mask)[:, :, 0, :, 0] == 0
    return stage.apply(x, mask=hidden)


def compare_state(report, prefix, module_state, ours_prefix, rename, rtol):
    compare_tables(report, prefix)
    if 'A' in report.stems(prefix):
        report.leave_out(f'{prefix}A', 'the adjacency follows from the layout')
    for key, ours in rename(report.stems(prefix)).items():
        report.compare(prefix + key, module_state[ours_prefix + ours], rtol=rtol, atol=2e-3)


def weights_and_backbone(report, is_transformer):
    """The authors' weights under our names, and the config of the encoder that they fit."""
    theirs = report.under('state/')
    if not is_transformer:
        state = from_hiclr_stgcn(theirs)
        return state, stgcn_for(state)
    compare_tables(report, 'state/')
    state = from_hiclr_dsta(theirs)
    tables = [key for key in theirs if key.startswith('encoder_q.') and key.endswith('.pes.pe')]
    frames = [theirs[key].shape[2] for key in tables]
    return state, transformer_for(state, frames)


@pytest.mark.parametrize('name', ['pretext_stgcn', 'pretext_stgcn_nnm', 'pretext_dsta', 'pretext_dsta_nnm'])
def test_hiclr_steps_equal_the_release(golden, name):
    with golden(name) as report:
        is_transformer = 'dsta' in name
        rename = rename_hiclr_dsta if is_transformer else rename_hiclr_stgcn
        state, backbone = weights_and_backbone(report, is_transformer)
        tau, mining = (
            float(report.read('temperature')),
            bool(report.read('nnm')) if 'nnm' in report else False,
        )
        head = {
            'type': 'HierarchicalConsistencyHead',
            'temperature': tau,
            'mining_start_epoch': 0,
            'topk': int(report.read('topk')),
        }
        parts = contrastive_parts(report, state)
        learner = learner_for(report, state, {'hierarchy': head}, backbone, **parts).train()
        learner.heads['hierarchy'].component.set_epoch(0 if mining else -1)
        optimizer = torch.optim.SGD(
            learner.parameters(),
            lr=float(report.read('lr')),
            momentum=0.9,
            weight_decay=float(report.read('weight_decay')),
        )
        assert int(report.read('queue_size')) == learner.queue.size
        steps = sum(key.endswith('/loss') for key in report.keys)
        for k in range(steps):
            check_step(report, f'step{k}/', learner, optimizer, rename, tau, mining, 1e-2 if k else 1e-3)
        ours, last = learner.state_dict(), f'step{steps - 1}/'
        compare_state(report, f'{last}key_after_forward/', ours, 'key_encoder.encoder.', rename, 1e-2)
        compare_state(report, f'{last}query_after_step/', ours, '', rename, 1e-2)


def check_step(report, at, learner, optimizer, rename, tau, mining, rtol):
    weak, key, normal, strong = (report.tensor(at + k) for k in ('im_q', 'im_k', 'im_q_1', 'im_q_2'))
    strong = masked(learner, strong, report.read(f'{at}mask'))
    views = tuple(View(f'stage_{i}', x) for i, x in enumerate((weak, normal, strong)))
    step = learner.make_step(MultiView(views, View('key', key)))
    losses = learner.compute_losses(step)['losses']
    total, _ = learner.parse_losses({'losses': losses, 'diagnostics': {}})
    optimizer.zero_grad()
    total.backward()
    atol = 1e-4 if at == 'step0/' else 1e-2
    p0, p1, p2 = ((s / tau).softmax(dim=1) for s in step.similarities)
    for name, value in (('target1', p0), ('prob1', p1), ('target2', p1), ('prob2', p2)):
        report.compare(at + name, value, rtol=rtol, atol=atol)
    report.compare(f'{at}logits', step.similarities[0] / tau, rtol=rtol, atol=atol)
    if mining:
        report.compare(f'{at}pos_mask', mine_positives(step.similarities, int(report.read('topk'))), atol=0)
    else:
        report.compare(f'{at}labels', torch.zeros(len(weak)), atol=0)
    # The release lists its levels before they are halved.
    report.compare(f'{at}loss1', losses['hierarchy/info_nce'], rtol=rtol)
    report.compare(f'{at}loss2', 2 * losses['hierarchy/level_1'], rtol=rtol)
    report.compare(f'{at}loss3', 2 * losses['hierarchy/level_2'], rtol=rtol)
    report.compare(f'{at}loss', total, rtol=rtol)
    check_gradients(report, at, learner, rename, rtol)
    report.compare(f'{at}queue', learner.queue.features.T, rtol=rtol, atol=atol)
    report.compare(f'{at}queue_ptr', learner.queue.pointer.reshape(1), atol=0)
    optimizer.step()
    report.compare(f'{at}mask_param_after_step', fill_of(learner), rtol=1e-2, atol=1e-3)


def fill_of(learner):
    return learner.data_preprocessor.policy.stages[2][0].fill


def check_gradients(report, at, learner, rename, rtol):
    names = [str(name) for name in report.read(f'{at}grad_names')]
    parameters, ours = dict(learner.named_parameters()), rename(names)
    norms = np.array([float(parameters[ours[name]].grad.norm()) for name in names])
    largest = float(norms.max())
    loose = rtol * 10
    # Biases before a batch norm have no gradient; after an optimizer step their noise grows with the rest.
    noise = 1e-3 * max(1.0, largest if at == 'step1/' else 1.0)
    report.compare(f'{at}grad_norms', norms, rtol=loose, atol=noise)
    report.compare(f'{at}grad/mask_param', fill_of(learner).grad, rtol=loose, atol=1e-3)
    last = parameters['projector.layers.2.weight'].grad
    scale = max(1.0, float(last.abs().max()))
    report.compare(f'{at}grad/encoder_q.fc.2.weight', last, rtol=loose, atol=1e-3 * scale)


def test_skeletonclr_equals_the_release(golden):
    with golden('skeletonclr') as report:
        state = from_hiclr_stgcn(report.under('state/'))
        tau = float(report.read('temperature'))
        head = {'type': 'InfoNCEHead', 'temperature': tau}
        learner = learner_for(report, state, {'contrast': head}, **contrastive_parts(report, state)).train()
        weak, key, again, key_again = (report.tensor(k) for k in ('im_q', 'im_k', 'im_q_b', 'im_k_b'))
        step, losses = run(learner, weak, key)
        report.compare('logits', step.similarities[0] / tau, rtol=1e-3, atol=1e-4)
        report.compare('loss', losses['contrast/info_nce'], rtol=1e-3, atol=1e-4)
        report.compare('queue', learner.queue.features.T, rtol=1e-3, atol=1e-4)
        report.compare('queue_ptr', learner.queue.pointer.reshape(1), atol=0)
        step, _ = run(learner, masked(learner, again, report.read('mask')), key_again)
        report.compare('logits_b_masked', step.similarities[0] / tau, rtol=1e-3, atol=1e-3)
        report.compare('queue_b', learner.queue.features.T, rtol=1e-3, atol=1e-4)


def run(learner, query, key):
    step = learner.make_step(MultiView((View('stage_0', query),), View('key', key)))
    return step, learner.compute_losses(step)['losses']
