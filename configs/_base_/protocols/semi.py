# Fine-tuning on a few labels, which the leaf draws (train_dataloader.dataset.label_budget). An epoch is as
# long as the whole training set, as in HiCLR's release: the labelled sequences come again and again.
_base_ = ['./finetune.py']
protocol = 'semi'
param_scheduler = [
    dict(type='LinearLR', start_factor=0.2, end=5),
    dict(type='MultiStepLR', milestones=[19, 39], gamma=0.1),
]
train_cfg = dict(max_epochs=60)
