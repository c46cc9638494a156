_base_ = ['../supervised/gru_nucla.py']
model = dict(regularizers=dict(vat=dict(type='VirtualAdversarial', radius=1.0)))
