_base_ = ['../../../../configs/hiclr/stgcn_nucla_linear.py']
model = dict(backbone=dict(_delete_=True, type='CTRGCN', hidden_channels=16, out_channels=64))
