# Both views of a level learn from each other.
_base_ = ['../stgcn_nucla.py']
model = dict(heads=dict(hierarchy=dict(direction='symmetric')))
