# The width of HiCLR's release: 0.92 M parameters with the projector.
backbone = dict(type='STGCN', hidden_channels=16, out_channels=256, dropout=0.5)
