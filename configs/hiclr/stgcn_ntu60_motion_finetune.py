_base_ = ['./stgcn_ntu60_finetune.py']
model = dict(data_preprocessor=dict(stream='motion'))
param_scheduler = [
    dict(type='LinearLR', start_factor=0.2, end=5),
    dict(type='MultiStepLR', milestones=[29, 49], gamma=0.1),
]
