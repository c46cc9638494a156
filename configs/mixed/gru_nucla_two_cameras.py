# One camera is labelled, the other is not; features must not tell which of them has filmed a sequence.
_base_ = ['../supervised/gru_nucla.py']
part = dict(
    type='SkeletonDataset',
    dataset='nucla',
    archive='data/nucla',
    subset='train',
    transforms=[dict(type='CenterFirstFrame')],
)
train_dataloader = dict(
    dataset=dict(
        _delete_=True,
        type='JoinedDataset',
        datasets=[dict(split='camera_1', **part), dict(split='camera_2', **part)],
    ),
)
model = dict(
    regularizers=dict(
        alignment=dict(type='AdversarialAlignment', domains=('dataset_0', 'dataset_1'), weight=0.1),
    ),
)
