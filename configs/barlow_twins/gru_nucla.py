# The published sum over 128 dimensions, weighed down to a mean, about: plain SGD follows it here, not LARS.
_base_ = [
    '../_base_/datasets/nucla.py',
    '../_base_/backbones/gru_small.py',
    '../_base_/protocols/pretrain_pair_nucla.py',
    '../_base_/runtime.py',
]
model = dict(
    layout={{_base_.layout}},
    backbone={{_base_.backbone}},
    key_encoder=None,
    heads=dict(correlation=dict(type='CrossCorrelationHead', weight=0.01)),
)
