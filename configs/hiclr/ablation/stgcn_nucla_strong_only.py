# Two views: the strong stage without the normal one.
_base_ = ['../stgcn_nucla.py']
model = dict(data_preprocessor=dict(policy=dict(stages=[{{_base_.basic}}, {{_base_.strong}}])))
