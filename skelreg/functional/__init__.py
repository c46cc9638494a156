"""Pure tensor maths: no state, no registry, usable from plain PyTorch."""
