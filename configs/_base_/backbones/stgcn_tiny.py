# A quarter of the release's width or less, for minutes on a CPU; so short a run needs little dropout.
# needs no dropout.
backbone = dict(type='STGCN', hidden_channels=8, out_channels=64, dropout=0.0)
