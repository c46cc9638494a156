_base_ = ['../supervised/gru_nucla.py']
model = dict(
    data_preprocessor=dict(
        policy=dict(
            type='SingleViewPolicy',
            augmentations=[dict(type='TemporalCrop', padding_ratio=6), dict(type='Shear', amplitude=0.1)],
        ),
    ),
    regularizers=dict(
        ensembling=dict(
            type='TemporalEnsembling', momentum=0.6, sequences='unlabelled', weight=50.0, ramp=16
        ),
    ),
)
