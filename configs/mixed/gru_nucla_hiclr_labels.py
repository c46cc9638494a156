# HiCLR's contrast on all sequences and a classifier on the labelled ones, in one run.
_base_ = ['../hiclr/gru_nucla.py']
train_dataloader = dict(
    drop_last=False,
    batch_sampler=dict(type='LabelledUnlabelledBatches', labelled_share=0.5),
    dataset=dict(label_budget=dict(per_class_n=5, seed=0), unlabelled='keep'),
)
model = dict(
    neck=dict(type='LinearTranslation', out_channels=64),
    classifier=dict(type='MLPClassifier', num_classes=10),
    heads=dict(classification=dict(type='ClassificationHead')),
)
protocol = 'joint'
test_cfg = dict()
test_evaluator = dict(type='ClassificationMetric')
