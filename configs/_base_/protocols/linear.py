# A linear classifier on the features of a frozen encoder, extracted once; give the encoder with --pretrained.
protocol = 'linear'
model = dict(
    type='Learner',
    data_preprocessor=dict(type='SkeletonPreprocessor'),
    frozen=('backbone',),
    classifier=dict(type='LinearClassifier'),
    heads=dict(classification=dict(type='ClassificationHead')),
)
optim_wrapper = dict(optimizer=dict(type='SGD', lr=3.0, momentum=0.9, weight_decay=0.0))
param_scheduler = [dict(type='MultiStepLR', milestones=[80], gamma=0.1)]
train_cfg = dict(type='FrozenFeatureTrainLoop', max_epochs=100)
test_cfg = dict(type='FrozenFeatureTestLoop')
test_evaluator = dict(type='ClassificationMetric')
