# Generated skeletons (NTU-25 joints, no recording), cross-subject: half of the 40 invented subjects train.
# 16 frames and one body keep an epoch short on two CPU cores; of two people, only the first is seen.
layout = 'ntu_rgbd'
num_classes = 12
train_dataloader = dict(
    batch_size=64,
    num_workers=0,
    drop_last=True,
    sampler=dict(type='DefaultSampler', shuffle=True),
    collate_fn=dict(type='skelreg.batch_collate'),
    dataset=dict(
        type='SkeletonDataset',
        dataset='synthetic',
        archive=dict(synthetic=2048, seed=0),
        split='xsub',
        subset='train',
        num_frames=16,
        resident='auto',
        max_bodies=1,
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
        dataset='synthetic',
        archive=dict(synthetic=2048, seed=0),
        split='xsub',
        subset='test',
        num_frames=16,
        resident='auto',
        max_bodies=1,
        transforms=[dict(type='CenterEachFrame')],
    ),
)
