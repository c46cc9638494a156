# A quarter of the release's feature width, six blocks instead of eight, for small datasets and CPUs.
backbone = dict(
    type='Transformer',
    stem_channels=16,
    blocks=[(16, 8, 1), (16, 8, 1), (32, 8, 2), (32, 8, 1), (64, 16, 2), (64, 16, 1)],
    skip_dropout=0.5,
)
