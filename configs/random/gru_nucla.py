# Evaluate its checkpoint with configs/hiclr/gru_nucla_linear.py and _knn.py, the probes of every encoder.
_base_ = [
    '../_base_/datasets/nucla.py',
    '../_base_/backbones/gru_small.py',
    '../_base_/protocols/random.py',
    '../_base_/runtime.py',
]
model = dict(layout={{_base_.layout}}, backbone={{_base_.backbone}})
