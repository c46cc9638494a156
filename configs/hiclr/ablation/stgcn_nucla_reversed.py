# The stronger view of a level teaches the weaker one.
_base_ = ['../stgcn_nucla.py']
model = dict(heads=dict(hierarchy=dict(direction='strong_teaches')))
