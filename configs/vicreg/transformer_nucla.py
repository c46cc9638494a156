_base_ = [
    '../_base_/datasets/nucla.py',
    '../_base_/backbones/transformer_small.py',
    '../_base_/protocols/pretrain_pair_nucla.py',
    '../_base_/runtime.py',
]
model = dict(
    layout={{_base_.layout}},
    backbone={{_base_.backbone}},
    key_encoder=None,
    heads=dict(variance=dict(type='VarianceCovarianceHead')),
)
