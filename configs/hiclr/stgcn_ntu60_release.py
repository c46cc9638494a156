# The authors' release, surprises included; README.md lists each of them, and the one that is not imitated.
_base_ = ['./stgcn_ntu60.py', '../_base_/preprocessing.py']
normal = [
    dict(type='SpatialFlip', p=0.5, mirror_coordinate=False),
    dict(type='Rotate', one_sided=True),
    dict(type='GaussianNoise', std=0.01, p=0.5, keep_absent=False),
    dict(type='GaussianBlur', sigma=(0.1, 2.0), p=0.5, normalized=False),
    dict(type='AxisMask', p=0.5),
]
strong = [dict(type='JointMask', ratio=0.1, shared=True, keep_absent=False)]
train_dataloader = dict(dataset=dict(transforms={{_base_.release_preprocessing}}))
test_dataloader = dict(dataset=dict(transforms={{_base_.release_preprocessing}}))
model = dict(
    initialization='release',
    backbone=dict(adjacency='release_spatial'),
    key_encoder=dict(start='independent'),
    data_preprocessor=dict(policy=dict(stages=[{{_base_.basic}}, normal, strong])),
)
