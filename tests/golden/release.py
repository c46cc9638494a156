"""The authors' weights in this project's components."""

import torch

from skelreg.functional.attention import position_encoding
from skelreg.learner.learner import Learner

#: Where the release's transformer keeps its position tables, and the axis along which positions are counted.
TABLES = {'pes.pe': 3, 'pet.pe': 2}
#: HiCLR as released: every known surprise, without dropout.
BASIC = [{'type': 'TemporalCrop', 'padding_ratio': 6}, {'type': 'Shear', 'amplitude': 0.5}]


def load_encoder(module, state, prefix):
    """Load the part of a converted state dict below a prefix, strictly."""
    module.load_state_dict({k.removeprefix(prefix): v for k, v in state.items() if k.startswith(prefix)})


def stgcn_for(state):
    """The release's ST-GCN with the widths of a state dict, without dropout."""
    return {
        'type': 'STGCN',
        'hidden_channels': state['backbone.blocks.0.norm1.weight'].shape[0],
        'dropout': 0.0,
        'adjacency': 'release_spatial',
        'out_channels': state['backbone.blocks.9.norm1.weight'].shape[0],
    }


def transformer_for(state, frames):
    """The release's transformer with the widths of a state dict, without dropout.

    Strides show in how many frames the next block's position table has. After the last block comes no
    table: it is taken to stride if its skip is a linear layer, as all others of the small files do.
    """
    stem, blocks = state['backbone.stem.0.weight'].shape[0], []
    subsets = state['backbone.blocks.0.spatial.strength'].shape[1]
    while (at := f'backbone.blocks.{len(blocks)}.') + 'temporal.mix.0.weight' in state:
        queries = state[f'{at}spatial.query_key.weight'].shape[0] // (2 * subsets)
        stride = 2 if f'{at}temporal.skip.0.weight' in state else 1
        if len(blocks) + 1 < len(frames):
            stride = round(frames[len(blocks)] / frames[len(blocks) + 1])
        blocks.append((state[f'{at}temporal.mix.0.weight'].shape[0], queries, stride))
    return {'type': 'Transformer', 'stem_channels': stem, 'blocks': blocks, 'skip_dropout': 0.0}


def learner_for(report, state, heads, backbone=None, **options):
    """A learner with the widths, queue and settings of a golden file, and the authors' weights."""
    backbone = backbone or stgcn_for(state)
    learner = Learner(layout='ntu_rgbd', backbone=backbone, heads=heads, **options)
    learner.init_weights()
    missing, unexpected = learner.load_state_dict(state, strict=False)
    if missing or unexpected:
        raise ValueError(f'the converted weights do not fit: missing {missing}, unexpected {unexpected}')
    return learner


def contrastive_parts(report, state):
    """Projector, key encoder, queue and views of the release's pretext task."""
    size, channels = state['queue.features'].shape
    mask = [{'type': 'JointMask', 'shared': True, 'keep_absent': False}]
    return {
        'projector': {'type': 'MLPProjection', 'out_channels': channels},
        'key_encoder': {'momentum': float(report.read('momentum')), 'start': 'independent'},
        'queue': {'size': size},
        'data_preprocessor': {
            'type': 'SkeletonPreprocessor',
            'policy': {'type': 'GrowingPolicy', 'key': BASIC, 'stages': [BASIC, [], mask]},
        },
    }


def compare_tables(report, prefix):
    """What the release's transformer stores below a prefix and ours does not is what we compute, or zero."""
    for key in report.stems(prefix):
        name = key.rpartition('graph_layers.')[2].partition('.')[2]
        if name in TABLES:
            table = report.tensor(prefix + key)
            ours = position_encoding(table.shape[TABLES[name]], table.shape[1], like=table)
            ours = ours[:, None] if name == 'pes.pe' else ours[:, :, None]
            report.compare(prefix + key, ours.expand_as(table[0])[None])
        elif name in ('atts', 'attt'):
            report.compare(prefix + key, torch.zeros(report.read(prefix + key).shape), atol=0)
