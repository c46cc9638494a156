# The release's views and graph on Northwestern-UCLA; its initialisation collapses on so small a set.
_base_ = ['./stgcn_nucla.py', '../_base_/augmentations_release.py']
model = dict(
    backbone=dict(adjacency='release_spatial'),
    data_preprocessor=dict(
        policy=dict(stages=[{{_base_.basic}}, {{_base_.release_normal}}, {{_base_.release_strong}}])
    ),
)
