_base_ = [
    '../_base_/datasets/ntu60_xsub.py',
    '../_base_/backbones/transformer.py',
    '../_base_/protocols/pretrain.py',
    '../_base_/runtime.py',
]
model = dict(
    layout={{_base_.layout}},
    backbone={{_base_.backbone}},
    # Neighbours are mined in the second half of training, the setting of the authors' release.
    heads=dict(hierarchy=dict(type='HierarchicalConsistencyHead', mining_start_epoch=150)),
)
# The release decays the transformer's weights five times as much as ST-GCN's.
optim_wrapper = dict(optimizer=dict(weight_decay=5e-4))
