# A budget for CPUs: a narrower translation layer, a higher rate, and a shorter schedule of the same form.
_base_ = ['./joint.py']
model = dict(neck=dict(out_channels=64))
optim_wrapper = dict(optimizer=dict(lr=2e-3))
param_scheduler = [dict(type='StepLR', step_size=10, gamma=0.5)]
train_cfg = dict(max_epochs=40)
