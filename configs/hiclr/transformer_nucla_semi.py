# Another budget: --cfg-options train_dataloader.dataset.label_budget.per_class_n=15
_base_ = [
    '../_base_/datasets/nucla.py',
    '../_base_/backbones/transformer_small.py',
    '../_base_/protocols/semi_nucla.py',
    '../_base_/runtime.py',
]
model = dict(layout={{_base_.layout}}, backbone={{_base_.backbone}}, classifier=dict(num_classes=10))
train_dataloader = dict(
    batch_size=32,
    sampler=dict(_delete_=True, type='RepeatingSampler', epoch_length=256),
    dataset=dict(label_budget=dict(per_class_n=5, seed=0)),
)
