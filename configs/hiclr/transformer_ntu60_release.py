# The authors' release with its transformer, its mistakes included; README.md lists them.
_base_ = ['./transformer_ntu60.py', '../_base_/preprocessing.py', '../_base_/augmentations_release.py']
train_dataloader = dict(dataset=dict(transforms={{_base_.release_preprocessing}}))
test_dataloader = dict(dataset=dict(transforms={{_base_.release_preprocessing}}))
model = dict(
    initialization='release',
    key_encoder=dict(start='independent'),
    data_preprocessor=dict(
        policy=dict(stages=[{{_base_.basic}}, {{_base_.release_normal}}, {{_base_.release_strong}}])
    ),
)
