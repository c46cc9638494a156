"""The authors' weights in this project's components."""

from skelreg.learner.learner import Learner

#: HiCLR as released: every known surprise, without dropout.
BASIC = [{'type': 'TemporalCrop', 'padding_ratio': 6}, {'type': 'Shear', 'amplitude': 0.5}]


def load_encoder(module, state, prefix):
    """Load the part of a converted state dict below a prefix, strictly."""
    module.load_state_dict({k.removeprefix(prefix): v for k, v in state.items() if k.startswith(prefix)})


def learner_for(report, state, heads, **options):
    """A learner with the widths, queue and settings of a golden file, and the authors' weights."""
    width = state['backbone.blocks.0.norm1.weight'].shape[0]
    learner = Learner(
        layout='ntu_rgbd',
        backbone={
            'type': 'STGCN',
            'hidden_channels': width,
            'dropout': 0.0,
            'adjacency': 'release_spatial',
            'out_channels': state['backbone.blocks.9.norm1.weight'].shape[0],
        },
        heads=heads,
        **options,
    )
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
