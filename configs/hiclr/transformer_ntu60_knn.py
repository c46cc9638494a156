_base_ = [
    '../_base_/datasets/ntu60_xsub.py',
    '../_base_/backbones/transformer.py',
    '../_base_/protocols/knn.py',
    '../_base_/runtime.py',
]
model = dict(layout={{_base_.layout}}, backbone={{_base_.backbone}})
