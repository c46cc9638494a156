_base_ = [
    '../_base_/datasets/nucla.py',
    '../_base_/backbones/transformer_small.py',
    '../_base_/protocols/pretrain_nucla.py',
    '../_base_/runtime.py',
]
model = dict(
    layout={{_base_.layout}},
    backbone={{_base_.backbone}},
    heads=dict(hierarchy=dict(type='HierarchicalConsistencyHead', mining_start_epoch=18)),
)
