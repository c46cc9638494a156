# The authors' published code, its mistakes included; README.md lists each, and the one that is not imitated.
_base_ = ['./stgcn_ntu60.py', '../_base_/preprocessing.py', '../_base_/augmentations_release.py']
train_dataloader = dict(dataset=dict(transforms={{_base_.release_preprocessing}}))
test_dataloader = dict(dataset=dict(transforms={{_base_.release_preprocessing}}))
model = dict(
    initialization='release',
    backbone=dict(adjacency='release_spatial'),
    key_encoder=dict(start='independent'),
    data_preprocessor=dict(
        policy=dict(stages=[{{_base_.basic}}, {{_base_.release_normal}}, {{_base_.release_strong}}])
    ),
)
