_base_ = [
    '../_base_/datasets/pku_mmd2_xsub.py',
    '../_base_/backbones/stgcn.py',
    '../_base_/protocols/knn.py',
    '../_base_/runtime.py',
]
model = dict(layout={{_base_.layout}}, backbone={{_base_.backbone}})
