_base_ = [
    '../_base_/datasets/ntu60_xsub.py',
    '../_base_/backbones/gru.py',
    '../_base_/protocols/pretrain.py',
    '../_base_/runtime.py',
]
model = dict(
    layout={{_base_.layout}},
    backbone={{_base_.backbone}},
    heads=dict(hierarchy=dict(type='HierarchicalConsistencyHead', mining_start_epoch=150)),
)
# The rate with which CMD trains this encoder; the rest is HiCLR's schedule, which was not made for a GRU.
optim_wrapper = dict(optimizer=dict(lr=0.01))
