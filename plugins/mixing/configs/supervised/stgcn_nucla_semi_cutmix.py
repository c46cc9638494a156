# A few labels, and half of the sequences with parts of another one, labels mixed alike.
_base_ = ['../../../../configs/supervised/stgcn_nucla_semi.py']
model = dict(
    data_preprocessor=dict(
        policy=dict(augmentations=[dict(type='Shear'), dict(type='PartCutMix', p=0.5)])
    ),
)
