"""The benchmark's plain rewriting of the release against the authors' numbers."""

import random

import numpy as np
import torch

from skelreg.bench import release


def test_the_plain_encoder_equals_the_release(golden):
    with golden('stgcn_full_eval') as report:
        widths = (int(report.read('hidden_channels')), int(report.read('hidden_dim')))
        head = torch.nn.Linear(widths[1], int(report.read('num_class')))
        encoder = release.Encoder(*widths, head, dropout=0.5).eval()
        encoder.load_state_dict(report.under('state/'))
        features = []
        head.register_forward_pre_hook(lambda module, inputs: features.append(inputs[0]))
        with torch.no_grad():
            report.compare('logits', encoder(report.tensor('x')), rtol=1e-4, atol=1e-4)
        report.compare('feat', features[0], rtol=1e-4, atol=1e-4)


def test_the_plain_step_equals_the_release(golden):
    with golden('pretext_stgcn') as report:
        report.leave_out('*', 'the components are compared with the rest; here it is the first step')
        state = report.under('state/')
        features, queue_size = state['queue'].shape
        model = release.HiCLR(
            hidden_channels=state['encoder_q.st_gcn_networks.1.tcn.0.weight'].shape[0],
            out_channels=state['encoder_q.fc.0.weight'].shape[0], dropout=0.0, features=features,
            queue_size=queue_size, momentum=float(report.read('momentum')),
            temperature=float(report.read('temperature')),
        ).train()
        model.load_state_dict(state)
        views = [report.tensor(f'step0/{name}') for name in ('im_q', 'im_k', 'im_q_1', 'im_q_2')]
        hidden = report.tensor('step0/mask')[0, :, 0, :, 0] == 0
        loss = model(*views, hidden)
        loss.backward()
        report.compare('step0/loss', loss, rtol=1e-3)
        report.compare('step0/queue', model.queue, rtol=1e-3, atol=1e-4)
        report.compare('step0/queue_ptr', model.queue_ptr, atol=0)
        report.compare('step0/grad/mask_param', model.mask_param.grad, rtol=1e-2, atol=1e-3)
        parameters = dict(model.named_parameters())
        norms = [parameters[str(name)].grad.norm() for name in report.read('step0/grad_names')]
        report.compare('step0/grad_norms', torch.stack(norms), rtol=1e-2, atol=1e-3)


def test_the_plain_views_equal_the_release(golden):
    with golden('feeders') as report:
        report.leave_out('*', 'the components are compared with the rest; here it is the four views')
        found = {key.removesuffix('/view4') for key in report.keys if key.endswith('/view4')}
        cases = sorted(found - {'triple_method26'})
        for case in cases:
            random.seed(int(report.read(f'{case}/seed')))
            np.random.seed(int(report.read(f'{case}/seed')))
            for number, view in enumerate(release.four_views(report.read(f'{case}/in')), start=1):
                report.compare(f'{case}/view{number}', view)
        assert cases
