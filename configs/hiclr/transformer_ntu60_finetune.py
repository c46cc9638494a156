# Unlike ST-GCN's, the release augments these views (basic), in batches of 128.
_base_ = [
    '../_base_/datasets/ntu60_xsub.py',
    '../_base_/backbones/transformer.py',
    '../_base_/protocols/finetune.py',
    '../_base_/augmentations.py',
    '../_base_/runtime.py',
]
model = dict(
    layout={{_base_.layout}},
    backbone={{_base_.backbone}},
    data_preprocessor=dict(policy=dict(type='SingleViewPolicy', augmentations={{_base_.basic}})),
    classifier=dict(num_classes=60),
)
optim_wrapper = dict(optimizer=dict(weight_decay=5e-4))
param_scheduler = [
    dict(type='LinearLR', start_factor=0.2, end=5),
    dict(type='MultiStepLR', milestones=[34, 54], gamma=0.1),
]
train_cfg = dict(max_epochs=80)
