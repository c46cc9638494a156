# For an encoder of transformer_ntu60_release.py, or of a converted checkpoint: the release's frames.
_base_ = ['./transformer_ntu60_linear.py', '../_base_/preprocessing.py']
train_dataloader = dict(dataset=dict(transforms={{_base_.release_preprocessing}}))
test_dataloader = dict(dataset=dict(transforms={{_base_.release_preprocessing}}))
