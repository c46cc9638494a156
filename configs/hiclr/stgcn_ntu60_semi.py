# Another share: --cfg-options train_dataloader.dataset.label_budget.per_class_ratio=0.01
_base_ = [
    '../_base_/datasets/ntu60_xsub.py',
    '../_base_/backbones/stgcn.py',
    '../_base_/protocols/semi.py',
    '../_base_/runtime.py',
]
model = dict(layout={{_base_.layout}}, backbone={{_base_.backbone}}, classifier=dict(num_classes=60))
train_dataloader = dict(
    batch_size=64,
    sampler=dict(_delete_=True, type='RepeatingSampler'),
    dataset=dict(label_budget=dict(per_class_ratio=0.1, seed=0)),
)
