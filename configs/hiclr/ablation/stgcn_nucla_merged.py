# Two views: normal and strong augmentations in one stage.
_base_ = ['../stgcn_nucla.py']
model = dict(data_preprocessor=dict(policy=dict(stages=[{{_base_.basic}}, {{_base_.normal_and_strong}}])))
