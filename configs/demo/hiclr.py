# HiCLR in about two minutes on two CPU cores: small in everything, whole in method.
_base_ = [
    '../_base_/datasets/synthetic.py',
    '../_base_/backbones/stgcn_tiny.py',
    '../_base_/protocols/pretrain.py',
    '../_base_/runtime.py',
]
model = dict(
    layout={{_base_.layout}},
    backbone={{_base_.backbone}},
    # So short a run needs a high rate and a slow key encoder: with a quick one, old keys in the queue lie far
    # from new ones, every own key is the nearest, and nothing is learnt.
    key_encoder=dict(momentum=0.996),
    queue=dict(size=320),
    # No neighbours are mined: after so few steps most are of other actions, and the encoder gets worse.
    heads=dict(hierarchy=dict(type='HierarchicalConsistencyHead')),
)
param_scheduler = [dict(type='MultiStepLR', milestones=[9], gamma=0.1)]
train_cfg = dict(max_epochs=11)
