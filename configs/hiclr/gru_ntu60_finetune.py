# The release has no GRU: ST-GCN's schedule, at the rate of the pretraining.
_base_ = [
    '../_base_/datasets/ntu60_xsub.py',
    '../_base_/backbones/gru.py',
    '../_base_/protocols/finetune.py',
    '../_base_/runtime.py',
]
model = dict(layout={{_base_.layout}}, backbone={{_base_.backbone}}, classifier=dict(num_classes=60))
train_dataloader = dict(batch_size=64)
optim_wrapper = dict(optimizer=dict(lr=0.01))
