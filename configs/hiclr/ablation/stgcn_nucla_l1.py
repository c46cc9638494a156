# A level compares the queries, not their distributions over the queue.
_base_ = ['../stgcn_nucla.py']
model = dict(heads=dict(hierarchy=dict(distance='l1')))
