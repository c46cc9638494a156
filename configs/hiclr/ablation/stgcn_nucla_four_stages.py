# Four views, with the weights of the authors' research code.
_base_ = ['../stgcn_nucla.py']
model = dict(
    data_preprocessor=dict(
        policy=dict(stages=[{{_base_.basic}}, {{_base_.normal}}, {{_base_.strong}}, {{_base_.stronger}}])
    ),
    heads=dict(hierarchy=dict(level_weights=[0.5, 0.3, 0.2])),
)
