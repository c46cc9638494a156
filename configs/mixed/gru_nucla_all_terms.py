# Every method of the paper's tables in one config: delete lines of regularizers, and one of them is left.
#   supervised: none; pseudo-labels, online: pseudo_labels; VAT: vat; VAT + EntMin: vat, entropy;
#   S4L: inpainting; ASSL: inpainting, neighborhood, alignment
_base_ = ['../supervised/gru_nucla.py']
model = dict(
    regularizers=dict(
        pseudo_labels=dict(type='PseudoLabels', threshold=0.95, ramp=16),
        vat=dict(type='VirtualAdversarial', radius=1.0),
        entropy=dict(type='EntropyMinimization', weight=0.06, ramp=16),
        inpainting=dict(type='SkeletonInpainting', decoder_channels=64),
        neighborhood=dict(type='NeighborhoodConsistency', num_neighbors=8, ramp=4),
        alignment=dict(type='AdversarialAlignment', weight=0.1),
    ),
)
optim_wrapper = dict(paramwise_cfg=dict(custom_keys={'discriminator': dict(betas=(0.5, 0.999))}))
