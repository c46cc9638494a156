# Cross-entropy on the labelled sequences, with ASSL's classifier, frames and optimizer; what the unlabelled
# ones add is a line of the leaf. An epoch is one pass over the unlabelled sequences.
protocol = 'joint'
model = dict(
    type='Learner',
    data_preprocessor=dict(type='SkeletonPreprocessor', num_frames=40),
    neck=dict(type='LinearTranslation', out_channels=512),
    classifier=dict(type='MLPClassifier', dropout=0.5),
    heads=dict(classification=dict(type='ClassificationHead')),
)
optim_wrapper = dict(optimizer=dict(type='Adam', lr=5e-4), clip_grad=dict(max_norm=5))
param_scheduler = [dict(type='StepLR', step_size=30, gamma=0.5)]
train_cfg = dict(by_epoch=True, max_epochs=150)
test_cfg = dict()
test_evaluator = dict(type='ClassificationMetric')
