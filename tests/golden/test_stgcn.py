"""ST-GCN against the authors' encoder: outputs, every block, gradients, batch-norm buffers."""

import pytest
import torch

from skelreg.backbones.stgcn import STGCN
from skelreg.learner.foreign import from_hiclr_stgcn
from skelreg.necks.classifier import LinearClassifier
from tests.golden.release import load_encoder


def build(report, dropout=0.5):
    """Encoder and classifier of a file, with the authors' weights."""
    backbone = STGCN(
        'ntu_rgbd',
        hidden_channels=int(report.read('hidden_channels')),
        out_channels=int(report.read('hidden_dim')),
        dropout=dropout,
        adjacency='release_spatial',
    )
    classifier = LinearClassifier(backbone.out_channels, int(report.read('num_class')))
    state = from_hiclr_stgcn(report.under('state/'))
    load_encoder(backbone, state, 'backbone.')
    load_encoder(classifier, state, 'classifier.')
    # Full-size files round what they store to a few bits, the adjacency with it: take theirs.
    report.compare('state/A', backbone.adjacency, rtol=0.02, atol=1e-6)
    backbone.adjacency.copy_(report.tensor('state/A'))
    return backbone, classifier


@pytest.mark.parametrize('name', ['stgcn_eval_0', 'stgcn_eval_1', 'stgcn_full_eval'])
@torch.no_grad()
def test_eval_outputs_equal_the_release(golden, name):
    with golden(name) as report:
        backbone, classifier = (part.eval() for part in build(report))
        outputs = []
        for block in backbone.blocks:
            block.register_forward_hook(lambda *call: outputs.append(call[2].permute(2, 0, 1, 3)))
        features = backbone(report.tensor('x')).pooled
        report.compare('feat', features, rtol=1e-4, atol=1e-4)
        report.compare('logits', classifier(features), rtol=1e-4, atol=1e-4)
        for key in [key for key in report.keys if key.startswith('block')]:
            report.compare(key, outputs[int(key.removeprefix('block'))], rtol=1e-4, atol=1e-4)
        if 'feat_float64' in report:
            exact = backbone.double()(report.tensor('x').double()).pooled
            report.compare('feat_float64', exact, rtol=1e-9, atol=1e-9)
            report.compare('logits_float64', classifier.double()(exact), rtol=1e-9, atol=1e-9)


def test_train_gradients_equal_the_release(golden):
    with golden('stgcn_train_grad') as report:
        backbone, classifier = (part.train() for part in build(report, dropout=0.0))
        logits = classifier(backbone(report.tensor('x')).pooled)
        loss = torch.nn.functional.cross_entropy(logits, report.tensor('y'))
        loss.backward()
        report.compare('logits', logits, rtol=1e-3, atol=1e-4)
        report.compare('loss', loss, rtol=1e-3)
        ours = dict(
            [
                *((f'backbone.{k}', v) for k, v in backbone.named_parameters()),
                *((f'classifier.{k}', v) for k, v in classifier.named_parameters()),
            ]
        )
        buffers = {f'backbone.{k}': v for k, v in backbone.named_buffers()}
        gradients = from_hiclr_stgcn({k: report.tensor(f'grad/{k}') for k in report.stems('grad/')})
        largest = max(float(g.abs().max()) for g in gradients.values())
        for key in report.stems('grad/'):
            (name,) = from_hiclr_stgcn({key: report.tensor(f'grad/{key}')})
            # A bias before a batch norm has no gradient; what is stored there is float noise.
            report.compare(f'grad/{key}', ours[name].grad, rtol=1e-2, atol=1e-3 * largest)
        for key in report.stems('after/'):
            (name,) = from_hiclr_stgcn({key: report.tensor(f'after/{key}')})
            report.compare(f'after/{key}', buffers[name], rtol=1e-3, atol=1e-4)
