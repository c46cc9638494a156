# PKU-MMD part I, cross-subject: the skeletons of NTU RGB+D, actions cut from long recordings.
_base_ = ['./ntu60_xsub.py']
train_dataloader = dict(dataset=dict(dataset='pku_mmd', archive='data/pku_mmd'))
test_dataloader = dict(dataset=dict(dataset='pku_mmd', archive='data/pku_mmd'))
