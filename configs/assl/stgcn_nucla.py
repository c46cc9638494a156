_base_ = [
    '../_base_/datasets/nucla_joint.py',
    '../_base_/backbones/stgcn_small.py',
    '../_base_/protocols/joint_nucla.py',
    '../_base_/runtime.py',
]
model = dict(
    layout={{_base_.layout}},
    backbone={{_base_.backbone}},
    classifier=dict(num_classes=10),
    regularizers=dict(
        inpainting=dict(type='SkeletonInpainting', decoder_channels=64),
        neighborhood=dict(type='NeighborhoodConsistency', num_neighbors=8, ramp=4),
        alignment=dict(type='AdversarialAlignment', weight=0.1),
    ),
)
optim_wrapper = dict(paramwise_cfg=dict(custom_keys={'discriminator': dict(betas=(0.5, 0.999))}))
