# What the same encoder reaches with every label: how hard the synthetic data are.
_base_ = [
    '../_base_/datasets/synthetic.py',
    '../_base_/backbones/stgcn_tiny.py',
    '../_base_/protocols/supervised.py',
    '../_base_/runtime.py',
]
model = dict(
    layout={{_base_.layout}},
    backbone={{_base_.backbone}},
    classifier=dict(num_classes={{_base_.num_classes}}),
)
