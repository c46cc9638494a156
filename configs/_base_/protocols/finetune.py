# The whole pretrained network on all labels, as HiCLR's release does it; give the encoder with --pretrained.
# In epochs counted from 1: the rate rises to epoch 5, and epochs 30 and 55 already run at the lower one. So
# the release counts here only; its pretraining and linear evaluation lower the rate after the named epoch.
protocol = 'finetune'
model = dict(
    type='Learner',
    data_preprocessor=dict(type='SkeletonPreprocessor', stream_first=True),
    classifier=dict(type='LinearClassifier'),
    heads=dict(classification=dict(type='ClassificationHead')),
)
optim_wrapper = dict(optimizer=dict(type='SGD', lr=0.1, momentum=0.9, weight_decay=1e-4, nesterov=True))
param_scheduler = [
    dict(type='LinearLR', start_factor=0.2, end=5),
    dict(type='MultiStepLR', milestones=[29, 54], gamma=0.1),
]
train_cfg = dict(by_epoch=True, max_epochs=70)
test_cfg = dict()
test_evaluator = dict(type='ClassificationMetric')
