# HiCLR without its third view: what is dropped here is features of the second one, not joints of its input.
_base_ = [
    '../_base_/datasets/nucla.py',
    '../_base_/backbones/gru_small.py',
    '../_base_/protocols/pretrain_nucla.py',
    '../_base_/runtime.py',
]
model = dict(
    layout={{_base_.layout}},
    backbone={{_base_.backbone}},
    data_preprocessor=dict(policy=dict(stages=[{{_base_.basic}}, {{_base_.normal}}])),
    heads=dict(dropped=dict(type='DroppedConsistencyHead', mining_start_epoch=18)),
)
