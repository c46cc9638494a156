_base_ = [
    '../_base_/datasets/nucla_joint.py',
    '../_base_/backbones/gru_small.py',
    '../_base_/protocols/weak_strong_nucla.py',
    '../_base_/runtime.py',
]
model = dict(
    layout={{_base_.layout}},
    backbone={{_base_.backbone}},
    classifier=dict(num_classes=10),
    regularizers=dict(fixmatch=dict(type='PseudoLabels', student='strongest')),
)
