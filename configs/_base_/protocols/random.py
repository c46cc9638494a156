# The random encoder of a baseline: torch's own initialisation, batch-norm statistics of the training set.
model = dict(type='Learner')
optim_wrapper = dict(optimizer=dict(type='SGD', lr=0.0))
train_cfg = dict(type='BatchNormEstimationLoop')
