# HiCLR's recipe on another backbone: the one line is the backbone's.
_base_ = ['../../../../configs/hiclr/stgcn_nucla.py']
model = dict(backbone=dict(_delete_=True, type='CTRGCN', hidden_channels=16, out_channels=64))
