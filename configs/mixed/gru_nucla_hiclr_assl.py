# HiCLR's contrast on all sequences and ASSL's terms on the unlabelled ones, in one run.
_base_ = ['gru_nucla_hiclr_labels.py']
model = dict(
    regularizers=dict(
        inpainting=dict(type='SkeletonInpainting', decoder_channels=64),
        neighborhood=dict(type='NeighborhoodConsistency', num_neighbors=8),
        alignment=dict(type='AdversarialAlignment', weight=0.1),
    ),
)
