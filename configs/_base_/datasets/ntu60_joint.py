# NTU RGB+D 60, cross-subject, for training on labelled and unlabelled sequences at once: whole sequences, of
# which the model looks at a few frames; 33 labels a class, 5 % of the training set.
_base_ = ['./ntu60_xsub.py']
train_dataloader = dict(
    batch_size=128,
    drop_last=False,
    batch_sampler=dict(type='LabelledUnlabelledBatches', labelled_share=0.5),
    dataset=dict(
        num_frames=None,
        transforms=[dict(type='CenterFirstFrame')],
        label_budget=dict(per_class_n=33, seed=0),
        unlabelled='keep',
    ),
)
test_dataloader = dict(dataset=dict(num_frames=None, transforms=[dict(type='CenterFirstFrame')]))
