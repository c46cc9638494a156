"""Fine-tuning the whole network: the steps of the authors' code."""

import torch

from skelreg.learner.foreign import from_hiclr_stgcn, rename_hiclr_stgcn
from skelreg.structures import MultiView, View
from tests.golden.release import learner_for


def test_finetune_steps_equal_the_release(golden):
    with golden('finetune_steps') as report:
        state = from_hiclr_stgcn(report.under('state/'))
        learner = learner_for(
            report,
            state,
            {'classification': {'type': 'ClassificationHead'}},
            classifier={'type': 'LinearClassifier', 'num_classes': len(state['classifier.linear.bias'])},
        ).train()
        optimizer = torch.optim.SGD(
            learner.parameters(),
            lr=float(report.read('lr')),
            momentum=float(report.read('sgd_momentum')),
            nesterov=bool(report.read('nesterov')),
            weight_decay=float(report.read('weight_decay')),
        )
        x, labels = report.tensor('x'), report.tensor('y')
        for k in range(sum(key.endswith('/loss') for key in report.keys)):
            step = learner.make_step(MultiView((View('plain', x),)), None, labels)
            total, _ = learner.parse_losses(learner.compute_losses(step))
            optimizer.zero_grad()
            total.backward()
            # The first step is exact but for rounding, which the optimizer's steps then amplify.
            tolerance = 1e-3 if k == 0 else 1e-2
            report.compare(f'step{k}/logits', step.class_logits[0], rtol=tolerance, atol=tolerance)
            report.compare(f'step{k}/loss', total, rtol=tolerance)
            optimizer.step()
        compare_state(report, learner)


def compare_state(report, learner):
    """Every weight and statistic after the last step."""
    ours = learner.state_dict()
    for theirs in report.stems('after/'):
        is_graph = theirs == 'encoder_q.A'
        value = learner.backbone.adjacency if is_graph else ours[rename_hiclr_stgcn([theirs])[theirs]]
        report.compare(f'after/{theirs}', value, rtol=1e-2, atol=1e-3)
