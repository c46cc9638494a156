# The upper level counts a third of the lower one.
_base_ = ['../stgcn_nucla.py']
model = dict(heads=dict(hierarchy=dict(level_weights=[0.75, 0.25])))
