# PKU-MMD part I, cross-view: the views from the sides train, the middle one tests.
_base_ = ['./pku_mmd_xsub.py']
train_dataloader = dict(dataset=dict(split='xview'))
test_dataloader = dict(dataset=dict(split='xview'))
