_base_ = ['./stgcn_ntu60_finetune.py']
model = dict(data_preprocessor=dict(stream='bone'))
