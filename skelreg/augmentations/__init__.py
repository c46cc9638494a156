"""Random transformations of skeleton batches, on the device, and policies that order them."""
