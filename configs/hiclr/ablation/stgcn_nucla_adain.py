# Strong stage: the style of another sequence.
_base_ = ['../stgcn_nucla.py']
model = dict(
    data_preprocessor=dict(policy=dict(stages=[{{_base_.basic}}, {{_base_.normal}}, {{_base_.style}}])),
)
