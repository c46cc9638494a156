# Online: confident predictions are labels at once, with a weight that grows over 40 % of the epochs.
_base_ = ['../supervised/gru_nucla.py']
model = dict(regularizers=dict(pseudo_labels=dict(type='PseudoLabels', threshold=0.95, ramp=16)))
