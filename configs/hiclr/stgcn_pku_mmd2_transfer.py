# From an encoder pretrained on NTU RGB+D 60 or 120, or on part I of PKU-MMD, given with --pretrained.
_base_ = [
    '../_base_/datasets/pku_mmd2_xsub.py',
    '../_base_/backbones/stgcn.py',
    '../_base_/protocols/transfer.py',
    '../_base_/runtime.py',
]
model = dict(layout={{_base_.layout}}, backbone={{_base_.backbone}}, classifier=dict(num_classes=51))
train_dataloader = dict(batch_size=64)
