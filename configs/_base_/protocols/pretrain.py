# Contrastive pretraining against a queue of keys, on views of growing strength: everything but the heads.
_base_ = ['../augmentations.py']
model = dict(
    type='Learner',
    data_preprocessor=dict(
        type='SkeletonPreprocessor',
        policy=dict(
            type='GrowingPolicy',
            key={{_base_.basic}},
            stages=[{{_base_.basic}}, {{_base_.normal}}, {{_base_.strong}}],
        ),
    ),
    projector=dict(type='MLPProjection', out_channels=128),
    key_encoder=dict(momentum=0.999),
    queue=dict(size=32768),
)
optim_wrapper = dict(optimizer=dict(type='SGD', lr=0.1, momentum=0.9, weight_decay=1e-4))
param_scheduler = [dict(type='MultiStepLR', milestones=[250], gamma=0.1)]
train_cfg = dict(by_epoch=True, max_epochs=300)
custom_hooks = [dict(type='CollapseMonitor')]
