# Northwestern-UCLA for training on labelled and unlabelled sequences at once: whole sequences, of which the
# model looks at a few frames; 5 labels for each of the 10 classes, the 50 of them in every batch of 114.
_base_ = ['./nucla.py']
train_dataloader = dict(
    batch_size=128,
    drop_last=False,
    batch_sampler=dict(type='LabelledUnlabelledBatches', labelled_share=0.5),
    dataset=dict(
        num_frames=None,
        transforms=[dict(type='CenterFirstFrame')],
        label_budget=dict(per_class_n=5, seed=0),
        unlabelled='keep',
    ),
)
test_dataloader = dict(dataset=dict(num_frames=None, transforms=[dict(type='CenterFirstFrame')]))
