# A budget that two CPU cores can afford on Northwestern-UCLA, the same for every contrastive method.
# A queue of half the training set and a quicker key encoder: the set has 925 sequences, not 40,091.
_base_ = ['./pretrain.py']
model = dict(key_encoder=dict(momentum=0.99), queue=dict(size=512))
optim_wrapper = dict(optimizer=dict(lr=0.05))
param_scheduler = [dict(type='MultiStepLR', milestones=[25], gamma=0.1)]
train_cfg = dict(max_epochs=30)
