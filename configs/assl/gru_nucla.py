# Delete the lines of regularizers and what is left is S4L, then supervised training.
_base_ = ['../supervised/gru_nucla.py']
model = dict(
    regularizers=dict(
        inpainting=dict(type='SkeletonInpainting', decoder_channels=64),
        neighborhood=dict(type='NeighborhoodConsistency', num_neighbors=8, ramp=4),
        alignment=dict(type='AdversarialAlignment', weight=0.1),
    ),
)
optim_wrapper = dict(paramwise_cfg=dict(custom_keys={'discriminator': dict(betas=(0.5, 0.999))}))
