# NTU RGB+D 60, cross-view: cameras 2 and 3 train, camera 1 tests.
_base_ = ['./ntu60_xsub.py']
train_dataloader = dict(dataset=dict(split='xview'))
test_dataloader = dict(dataset=dict(split='xview'))
