_base_ = ['../supervised/gru_nucla.py']
model = dict(regularizers=dict(inpainting=dict(type='SkeletonInpainting', decoder_channels=64)))
