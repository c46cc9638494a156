# Half of the release's hidden width and a quarter of its features, for runs of minutes on a CPU; so short a run
# needs no dropout.
backbone = dict(type='STGCN', hidden_channels=8, out_channels=64, dropout=0.0)
