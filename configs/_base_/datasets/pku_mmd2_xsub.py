# PKU-MMD part II, cross-subject: views differ more than in part I, and sequences are few.
_base_ = ['./ntu60_xsub.py']
train_dataloader = dict(dataset=dict(dataset='pku_mmd2', archive='data/pku_mmd2'))
test_dataloader = dict(dataset=dict(dataset='pku_mmd2', archive='data/pku_mmd2'))
