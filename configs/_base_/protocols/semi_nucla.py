# Fine-tuning on a few labels in a budget for CPUs: 80 steps of 32, however many labels there are. Views are
# augmented a little (basic), as the release does when it fine-tunes its transformer: labels repeat often.
_base_ = ['./semi.py', '../augmentations.py']
model = dict(
    data_preprocessor=dict(policy=dict(type='SingleViewPolicy', augmentations={{_base_.basic}})),
)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.5, end=2),
    dict(type='MultiStepLR', milestones=[6, 8], gamma=0.1),
]
train_cfg = dict(max_epochs=10)
