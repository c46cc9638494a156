_base_ = [
    '../_base_/datasets/synthetic.py',
    '../_base_/backbones/stgcn_tiny.py',
    '../_base_/protocols/random.py',
    '../_base_/runtime.py',
]
model = dict(layout={{_base_.layout}}, backbone={{_base_.backbone}})
