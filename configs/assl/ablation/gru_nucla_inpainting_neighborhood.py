# ASSL without adversarial alignment.
_base_ = ['../../s4l/gru_nucla.py']
model = dict(
    regularizers=dict(neighborhood=dict(type='NeighborhoodConsistency', num_neighbors=8, ramp=4)),
)
