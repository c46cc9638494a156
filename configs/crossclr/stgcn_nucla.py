# SkeletonCLR in three streams that teach each other. One checkpoint holds them all: the configs
# hiclr/stgcn_nucla[_bone|_motion]_linear.py each take theirs out of it, tools/fuse_scores.py adds them up.
_base_ = [
    '../_base_/datasets/nucla.py',
    '../_base_/backbones/stgcn_small.py',
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
