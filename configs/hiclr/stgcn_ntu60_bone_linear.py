_base_ = ['./stgcn_ntu60_linear.py']
model = dict(data_preprocessor=dict(stream='bone'))
