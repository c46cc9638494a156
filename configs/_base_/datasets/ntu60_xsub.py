# NTU RGB+D 60, cross-subject.
layout = 'ntu_rgbd'
train_dataloader = dict(
    batch_size=128,
    num_workers=0,
    drop_last=True,
    sampler=dict(type='DefaultSampler', shuffle=True),
    collate_fn=dict(type='skelreg.batch_collate'),
    dataset=dict(
        type='SkeletonDataset',
        dataset='ntu60',
        archive='data/ntu60',
        split='xsub',
        subset='train',
        num_frames=50,
        resident='auto',
        transforms=[dict(type='CenterEachFrame')],
    ),
)
test_dataloader = dict(
    batch_size=256,
    num_workers=0,
    sampler=dict(type='DefaultSampler', shuffle=False),
    collate_fn=dict(type='skelreg.batch_collate'),
    dataset=dict(
        type='SkeletonDataset',
        dataset='ntu60',
        archive='data/ntu60',
        split='xsub',
        subset='test',
        num_frames=50,
        resident='auto',
        transforms=[dict(type='CenterEachFrame')],
    ),
)
