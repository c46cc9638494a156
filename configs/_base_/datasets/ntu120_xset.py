# NTU RGB+D 120, cross-setup: even setups train.
_base_ = ['./ntu120_xsub.py']
train_dataloader = dict(dataset=dict(split='xset'))
test_dataloader = dict(dataset=dict(split='xset'))
