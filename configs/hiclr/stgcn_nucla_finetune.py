_base_ = [
    '../_base_/datasets/nucla.py',
    '../_base_/backbones/stgcn_small.py',
    '../_base_/protocols/finetune_nucla.py',
    '../_base_/runtime.py',
]
model = dict(layout={{_base_.layout}}, backbone={{_base_.backbone}}, classifier=dict(num_classes=10))
