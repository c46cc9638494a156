# Pretraining without negatives in the budget of pretrain_nucla.py: two views of the same strength, each drawn
# for itself (the second stage adds nothing), no queue and no key view.
_base_ = ['./pretrain_nucla.py']
model = dict(
    data_preprocessor=dict(policy=dict(key=None, stages=[{{_base_.basic_and_normal}}, []])),
    projector=dict(num_layers=3, batch_norm=True),
    queue=None,
)
