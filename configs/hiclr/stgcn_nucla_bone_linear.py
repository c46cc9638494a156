_base_ = ['./stgcn_nucla_linear.py']
model = dict(data_preprocessor=dict(stream='bone'))
