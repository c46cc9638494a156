# The key encoder sees the same views as the query encoder, and a predictor has to bridge the two.
_base_ = [
    '../_base_/datasets/nucla.py',
    '../_base_/backbones/gru_small.py',
    '../_base_/protocols/pretrain_pair_nucla.py',
    '../_base_/runtime.py',
]
model = dict(
    layout={{_base_.layout}},
    backbone={{_base_.backbone}},
    heads=dict(prediction=dict(type='KeyPredictionHead')),
)
