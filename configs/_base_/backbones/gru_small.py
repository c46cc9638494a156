# For small datasets and CPUs; it reads one body at a time, so that it fits data with any number of them.
backbone = dict(type='GRU', hidden_channels=64, num_layers=2, bodies='mean')
