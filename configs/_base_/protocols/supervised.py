# Cross-entropy on labels, from scratch or from --pretrained weights.
protocol = 'supervised'
model = dict(
    type='Learner',
    data_preprocessor=dict(type='SkeletonPreprocessor'),
    classifier=dict(type='LinearClassifier'),
    heads=dict(classification=dict(type='ClassificationHead')),
)
optim_wrapper = dict(optimizer=dict(type='SGD', lr=0.1, momentum=0.9, weight_decay=1e-4, nesterov=True))
param_scheduler = [dict(type='MultiStepLR', milestones=[30, 40], gamma=0.1)]
train_cfg = dict(by_epoch=True, max_epochs=50)
test_cfg = dict()
test_evaluator = dict(type='ClassificationMetric')
