_base_ = [
    '../_base_/datasets/ntu60_xsub.py',
    '../_base_/backbones/stgcn.py',
    '../_base_/protocols/finetune.py',
    '../_base_/runtime.py',
]
model = dict(layout={{_base_.layout}}, backbone={{_base_.backbone}}, classifier=dict(num_classes=60))
train_dataloader = dict(batch_size=64)
