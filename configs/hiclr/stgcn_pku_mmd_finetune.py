# The release has no fine-tuning schedule for PKU-MMD; this is the one for NTU RGB+D.
_base_ = [
    '../_base_/datasets/pku_mmd_xsub.py',
    '../_base_/backbones/stgcn.py',
    '../_base_/protocols/finetune.py',
    '../_base_/runtime.py',
]
model = dict(layout={{_base_.layout}}, backbone={{_base_.backbone}}, classifier=dict(num_classes=51))
train_dataloader = dict(batch_size=64)
