# The weaker view teaches, and its gradient is not stopped.
_base_ = ['../stgcn_nucla.py']
model = dict(heads=dict(hierarchy=dict(direction='no_stop_gradient')))
