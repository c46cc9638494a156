"""The transformer against the authors' encoder: outputs, every block, gradients, batch-norm buffers."""

import pytest
import torch

from skelreg.backbones.transformer import Transformer
from skelreg.functional.attention import position_encoding
from skelreg.functional.edges import add_edges, drop_edges
from skelreg.learner.foreign import from_hiclr_dsta
from skelreg.necks.classifier import LinearClassifier
from tests.golden.release import compare_tables, load_encoder


def build(report, **options):
    """Encoder and classifier of a file, with the authors' weights."""
    rows = report.read('config').tolist()
    backbone = Transformer(
        'ntu_rgbd', stem_channels=rows[0][0], blocks=[tuple(row[1:]) for row in rows], **options
    )
    classifier = LinearClassifier(backbone.out_channels, int(report.read('num_class')))
    state = from_hiclr_dsta(report.under('state/'))
    load_encoder(backbone, state, 'backbone.')
    load_encoder(classifier, state, 'classifier.')
    report.read('num_frame')  # the length of their tables; ours have none
    compare_tables(report, 'state/')
    return backbone, classifier


def compare_outputs(report, backbone, classifier):
    outputs = []
    for block in backbone.blocks:
        block.register_forward_hook(lambda *call: outputs.append(call[2].permute(2, 0, 1, 3)))
    features = backbone(report.tensor('x')).pooled
    if 'feat' in report:
        report.compare('feat', features, rtol=1e-4, atol=1e-4)
    report.compare('logits', classifier(features), rtol=1e-4, atol=1e-4)
    for key in [key for key in report.keys if key.startswith('block')]:
        report.compare(key, outputs[int(key.removeprefix('block'))], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize('name', ['dsta_eval_0', 'dsta_eval_1', 'dsta_full_eval'])
@torch.no_grad()
def test_eval_outputs_equal_the_release(golden, name):
    with golden(name) as report:
        parts = [part.eval() for part in build(report)]
        compare_outputs(report, *parts)
        for key in [key for key in report.keys if key.startswith('pe_row_layer')]:
            row = report.tensor(key)
            report.compare(key, position_encoding(row.shape[1], row.shape[0], like=row))


@torch.no_grad()
def test_temporal_attention_equals_the_release(golden):
    with golden('dsta_temporal_att_eval') as report:
        frames = int(report.read('num_frame'))
        parts = [part.eval() for part in build(report, temporal_attention=True, num_frames=frames)]
        compare_outputs(report, *parts)


def test_train_gradients_equal_the_release(golden):
    with golden('dsta_train_grad') as report:
        backbone, classifier = (part.train() for part in build(report, skip_dropout=0.0))
        logits = classifier(backbone(report.tensor('x')).pooled)
        loss = torch.nn.functional.cross_entropy(logits, report.tensor('y'))
        loss.backward()
        report.compare('logits', logits, rtol=1e-3, atol=1e-4)
        report.compare('loss', loss, rtol=1e-3)
        model = torch.nn.ModuleDict({'backbone': backbone, 'classifier': classifier})
        parameters, buffers = dict(model.named_parameters()), dict(model.named_buffers())
        stems = report.stems('grad/')
        largest = max(float(report.tensor(f'grad/{key}').abs().max()) for key in stems)
        for key in stems:
            (name,) = from_hiclr_dsta({key: report.tensor(f'grad/{key}')})
            # A bias before a batch norm has no gradient; what is stored there is float noise.
            report.compare(f'grad/{key}', parameters[name].grad, rtol=1e-2, atol=1e-3 * largest)
        for key in report.stems('after/'):
            (name,) = from_hiclr_dsta({key: report.tensor(f'after/{key}')})
            report.compare(f'after/{key}', buffers[name], rtol=1e-3, atol=1e-4)


def test_perturbed_attention_equals_the_release(golden):
    """The release draws through torch's dropout, so its seeds give its masks."""
    with golden('dsta_drop_add') as report:
        maps = report.tensor('A')
        for case in sorted({key.rpartition('/')[0] for key in report.keys if '/' in key}):
            torch.manual_seed(int(report.read(f'{case}/seed')))
            rate = torch.as_tensor(report.read(f'{case}/r')).reshape(1)
            if case.startswith('drop_graph'):
                kept = torch.nn.functional.dropout(torch.ones_like(maps), float(rate)) != 0
                ours = drop_edges(maps, kept, rate)
            else:
                added = torch.nn.functional.dropout(torch.ones_like(maps), 1 - float(rate)) != 0
                # The release keeps the total weight of the batch, not of every sequence.
                batch = maps.flatten(0, 1)[None]
                ours = add_edges(batch, added.flatten(0, 1)[None], batch.mean()).view_as(maps)
            report.compare(f'{case}/out', ours, rtol=1e-5)
