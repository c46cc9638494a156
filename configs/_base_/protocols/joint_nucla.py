# A budget for CPUs: a narrower translation layer, and the rate, as always, halved every 30 epochs.
_base_ = ['./joint.py']
model = dict(neck=dict(out_channels=64))
optim_wrapper = dict(optimizer=dict(lr=2e-3))
train_cfg = dict(max_epochs=90)
