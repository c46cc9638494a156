# Cross-entropy and neighbourhood consistency.
_base_ = ['../../supervised/gru_nucla.py']
model = dict(
    regularizers=dict(neighborhood=dict(type='NeighborhoodConsistency', num_neighbors=8, ramp=4)),
)
