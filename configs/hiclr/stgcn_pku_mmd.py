_base_ = [
    '../_base_/datasets/pku_mmd_xsub.py',
    '../_base_/backbones/stgcn.py',
    '../_base_/protocols/pretrain.py',
    '../_base_/runtime.py',
]
model = dict(
    layout={{_base_.layout}},
    backbone={{_base_.backbone}},
    # Neighbours are mined in the second half of training, the setting of the authors' release.
    heads=dict(hierarchy=dict(type='HierarchicalConsistencyHead', mining_start_epoch=300)),
)
# Half as many sequences as in NTU RGB+D 60, and twice as many epochs, as in the release.
param_scheduler = [dict(type='MultiStepLR', milestones=[500], gamma=0.1)]
train_cfg = dict(max_epochs=600)
