# The widths of HiCLR's release: 1.65 M parameters with the projector.
backbone = dict(type='Transformer', skip_dropout=0.5)
