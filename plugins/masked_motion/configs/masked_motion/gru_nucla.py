# The pretext alone: no keys, no queue, no contrast. The mask ratio is that of the ST-GCN's config.
_base_ = [
    '../../../../configs/_base_/datasets/nucla.py',
    '../../../../configs/_base_/backbones/gru_small.py',
    '../../../../configs/_base_/augmentations.py',
    '../../../../configs/_base_/runtime.py',
]
model = dict(
    type='Learner',
    layout={{_base_.layout}},
    backbone={{_base_.backbone}},
    data_preprocessor=dict(
        type='SkeletonPreprocessor',
        policy=dict(type='SingleViewPolicy', augmentations={{_base_.basic}}),
    ),
    regularizers=dict(
        motion=dict(
            type='MaskedMotionPrediction',
            mask=dict(type='MotionAwareMask', ratio=0.67),
            encodes_whole=True,
        ),
    ),
)
optim_wrapper = dict(optimizer=dict(type='AdamW', lr=1e-3, weight_decay=0.05))
param_scheduler = [dict(type='CosineAnnealingLR', T_max=30)]
train_cfg = dict(by_epoch=True, max_epochs=30)
