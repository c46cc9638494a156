_base_ = [
    '../_base_/datasets/ntu60_xsub.py',
    '../_base_/backbones/transformer.py',
    '../_base_/protocols/linear.py',
    '../_base_/runtime.py',
]
model = dict(layout={{_base_.layout}}, backbone={{_base_.backbone}}, classifier=dict(num_classes=60))
# The release lowers the rate of the transformer's probe once more, and earlier, than that of ST-GCN's.
param_scheduler = [dict(type='MultiStepLR', milestones=[30, 80], gamma=0.1)]
