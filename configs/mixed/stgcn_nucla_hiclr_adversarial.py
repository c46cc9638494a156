# HiCLR with one more line: a discriminator may not tell the strongest view's features from the weakest's.
_base_ = ['../hiclr/stgcn_nucla.py']
model = dict(
    regularizers=dict(
        alignment=dict(type='AdversarialAlignment', domains=('view_0', 'view_2'), weight=0.1),
    ),
)
