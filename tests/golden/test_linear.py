"""The linear protocol's steps against the authors' code."""

import torch

from skelreg.learner.foreign import from_hiclr_stgcn
from skelreg.structures import MultiView, View
from tests.golden.release import learner_for


def test_linear_steps_equal_the_release(golden):
    with golden('linear_eval_steps') as report:
        state = from_hiclr_stgcn(report.under('state/'))
        classes = state['classifier.linear.weight'].shape[0]
        learner = learner_for(
            report,
            state,
            {'classification': {'type': 'ClassificationHead'}},
            frozen=('backbone',),
            classifier={'type': 'LinearClassifier', 'num_classes': classes},
        ).train()
        trained = [p for p in learner.parameters() if p.requires_grad]
        assert len(trained) == len(report.read('trained_params'))
        optimizer = torch.optim.SGD(
            trained,
            lr=float(report.read('lr')),
            momentum=float(report.read('sgd_momentum')),
            nesterov=bool(report.read('nesterov')),
            weight_decay=float(report.read('weight_decay')),
        )
        pooled = learner.extract(MultiView((View('plain', report.tensor('x')),)))
        for k in range(sum(key.endswith('/loss') for key in report.keys)):
            step = learner.make_step(None, pooled, report.tensor('y'))
            losses = learner.compute_losses(step)
            total, _ = learner.parse_losses(losses)
            optimizer.zero_grad()
            total.backward()
            report.compare(f'step{k}/logits', step.class_logits[0], rtol=1e-3, atol=1e-3)
            report.compare(f'step{k}/loss', total, rtol=1e-3)
            optimizer.step()
            for name in ('weight', 'bias'):
                ours = learner.classifier.linear.get_parameter(name)
                report.compare(f'step{k}/fc.{name}', ours, rtol=1e-3, atol=1e-3)
