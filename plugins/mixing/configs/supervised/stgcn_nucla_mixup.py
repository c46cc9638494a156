# Supervised training on mixtures: ClassificationHead mixes the labels as the skeletons were mixed.
_base_ = [
    '../../../../configs/_base_/datasets/nucla.py',
    '../../../../configs/_base_/backbones/stgcn_small.py',
    '../../../../configs/_base_/protocols/supervised.py',
    '../../../../configs/_base_/runtime.py',
]
model = dict(
    layout={{_base_.layout}},
    backbone={{_base_.backbone}},
    classifier=dict(num_classes=10),
    data_preprocessor=dict(
        policy=dict(type='SingleViewPolicy', augmentations=[dict(type='SkeletonMixup', alpha=0.4)])
    ),
)
