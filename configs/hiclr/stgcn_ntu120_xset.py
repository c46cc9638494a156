_base_ = [
    '../_base_/datasets/ntu120_xset.py',
    '../_base_/backbones/stgcn.py',
    '../_base_/protocols/pretrain.py',
    '../_base_/runtime.py',
]
model = dict(
    layout={{_base_.layout}},
    backbone={{_base_.backbone}},
    # Neighbours are mined in the second half of training, the setting of the authors' release.
    heads=dict(hierarchy=dict(type='HierarchicalConsistencyHead', mining_start_epoch=150)),
)
