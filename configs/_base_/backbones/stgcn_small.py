# A quarter of the release's feature width, for small datasets and CPUs.
backbone = dict(type='STGCN', hidden_channels=16, out_channels=64, dropout=0.5)
