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
    # With a quicker key encoder the old keys in the queue would lie far from new ones: every own key is then
    # the nearest, and nothing is learnt. Neighbours are not mined: after so few steps they are seldom right.
    key_encoder=dict(momentum=0.99),
    queue=dict(size=256),
    heads=dict(hierarchy=dict(type='HierarchicalConsistencyHead')),
)
# Adam gets further than SGD in 250 steps.
optim_wrapper = dict(optimizer=dict(_delete_=True, type='AdamW', lr=0.002, weight_decay=1e-4))
param_scheduler = [dict(type='MultiStepLR', milestones=[13], gamma=0.1)]
train_cfg = dict(max_epochs=16)
