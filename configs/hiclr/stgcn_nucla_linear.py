_base_ = [
    '../_base_/datasets/nucla.py',
    '../_base_/backbones/stgcn_small.py',
    '../_base_/protocols/linear.py',
    '../_base_/runtime.py',
]
# The release's rate of 3.0 is made for 40,000 sequences; with 925, features are standardised and the
# probe is a regularised logistic regression, the same one for every encoder.
model = dict(
    layout={{_base_.layout}},
    backbone={{_base_.backbone}},
    classifier=dict(num_classes=10, standardize=True),
)
optim_wrapper = dict(optimizer=dict(lr=0.1, weight_decay=1e-3))
