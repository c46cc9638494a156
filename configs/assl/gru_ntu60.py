# The sizes of the paper as far as they are known; README.md says what is not.
_base_ = [
    '../_base_/datasets/ntu60_joint.py',
    '../_base_/protocols/joint.py',
    '../_base_/runtime.py',
]
model = dict(
    layout={{_base_.layout}},
    backbone=dict(type='GRU', hidden_channels=512, num_layers=3),
    classifier=dict(num_classes=60),
    regularizers=dict(
        inpainting=dict(type='SkeletonInpainting', max_bodies=2),
        neighborhood=dict(type='NeighborhoodConsistency', num_neighbors=8, ramp=10),
        alignment=dict(type='AdversarialAlignment', weight=0.1),
    ),
)
optim_wrapper = dict(paramwise_cfg=dict(custom_keys={'discriminator': dict(betas=(0.5, 0.999))}))
