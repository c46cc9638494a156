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
    # A quarter of the training set at most, and a key encoder that keeps up with a run of 300 steps.
    queue=dict(size=192),
    key_encoder=dict(momentum=0.99),
    heads=dict(hierarchy=dict(type='HierarchicalConsistencyHead', mining_start_epoch=15)),
)
optim_wrapper = dict(optimizer=dict(lr=0.05))
param_scheduler = [dict(type='MultiStepLR', milestones=[20], gamma=0.1)]
train_cfg = dict(max_epochs=24)
