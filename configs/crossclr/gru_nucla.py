# SkeletonCLR in three streams that teach each other. One checkpoint holds them all: hiclr/gru_nucla_linear.py
# with model.data_preprocessor.stream=bone (or motion) takes that stream out, fuse_scores.py adds them up.
_base_ = [
    '../_base_/datasets/nucla.py',
    '../_base_/backbones/gru_small.py',
    '../_base_/protocols/pretrain_nucla.py',
    '../_base_/runtime.py',
]
model = dict(
    layout={{_base_.layout}},
    backbone={{_base_.backbone}},
    branches=('motion', 'bone'),
    data_preprocessor=dict(policy=dict(stages=[{{_base_.basic}}])),
    heads=dict(cross=dict(type='CrossStreamHead', mining_start_epoch=18)),
)
