# A quarter of the release's width, for runs of minutes on a CPU; so few steps go without dropout.
backbone = dict(type='STGCN', hidden_channels=8, out_channels=64, dropout=0.0)
