_base_ = ['../vat/gru_nucla.py']
model = dict(regularizers=dict(entropy=dict(type='EntropyMinimization', weight=0.06, ramp=16)))
