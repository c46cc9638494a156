_base_ = ['./stgcn_ntu60.py']
model = dict(data_preprocessor=dict(stream='motion'))
