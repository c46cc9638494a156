# Three views in the wrong order: strong before normal.
_base_ = ['../stgcn_nucla.py']
model = dict(
    data_preprocessor=dict(policy=dict(stages=[{{_base_.basic}}, {{_base_.strong}}, {{_base_.normal}}])),
)
