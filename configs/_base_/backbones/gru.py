# The field's common sequence encoder, as in ISC and CMD; HiCLR's release has none.
backbone = dict(type='GRU', hidden_channels=1024, num_layers=3)
