# The release's fine-tuning in a budget for two CPU cores, its schedule shortened in proportion.
_base_ = ['./finetune.py']
param_scheduler = [
    dict(type='LinearLR', start_factor=0.5, end=2),
    dict(type='MultiStepLR', milestones=[12, 23], gamma=0.1),
]
train_cfg = dict(max_epochs=30)
