# Northwestern-UCLA: views 1 and 2 train, view 3 tests; the 95 sequences in both are out of training.
# Half of its sequences are shorter than 32 frames.
layout = 'nucla'
train_dataloader = dict(
    batch_size=64,
    num_workers=0,
    drop_last=True,
    sampler=dict(type='DefaultSampler', shuffle=True),
    collate_fn=dict(type='skelreg.batch_collate'),
    dataset=dict(
        type='SkeletonDataset',
        dataset='nucla',
        archive='data/nucla',
        split='464-clean',
        subset='train',
        num_frames=32,
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
        dataset='nucla',
        archive='data/nucla',
        split='464-clean',
        subset='test',
        num_frames=32,
        resident='auto',
        transforms=[dict(type='CenterEachFrame')],
    ),
)
