_base_ = [
    '../_base_/datasets/nucla.py',
    '../_base_/backbones/gru_small.py',
    '../_base_/protocols/linear.py',
    '../_base_/runtime.py',
]
# The probe of every encoder on this data, see stgcn_nucla_linear.py.
model = dict(
    layout={{_base_.layout}},
    backbone={{_base_.backbone}},
    classifier=dict(num_classes=10, standardize=True),
)
optim_wrapper = dict(optimizer=dict(lr=0.1, weight_decay=1e-3))
