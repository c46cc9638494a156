_base_ = ['./stgcn_nucla.py']
model = dict(data_preprocessor=dict(stream='motion'))
