# PKU-MMD part II, cross-view, by the list of its authors.
_base_ = ['./pku_mmd2_xsub.py']
train_dataloader = dict(dataset=dict(split='xview'))
test_dataloader = dict(dataset=dict(split='xview'))
