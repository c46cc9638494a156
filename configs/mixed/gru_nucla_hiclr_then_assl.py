# ASSL on an encoder that HiCLR has pretrained: give the checkpoint of configs/hiclr/gru_nucla.py with
# --pretrained. Frames and centring are those of the pretraining.
_base_ = ['../assl/gru_nucla.py']
transforms = [dict(type='CenterEachFrame')]
train_dataloader = dict(dataset=dict(num_frames=32, transforms=transforms))
test_dataloader = dict(dataset=dict(num_frames=32, transforms=transforms))
model = dict(data_preprocessor=dict(num_frames=None))
