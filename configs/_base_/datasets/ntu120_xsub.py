# NTU RGB+D 120, cross-subject: 53 of the 106 subjects train.
_base_ = ['./ntu60_xsub.py']
train_dataloader = dict(dataset=dict(dataset='ntu120', archive='data/ntu120'))
test_dataloader = dict(dataset=dict(dataset='ntu120', archive='data/ntu120'))
